/** What is sent to the guest, as data: `--dry-run` prints it, `stream.ts` makes a tar of it. */
import type { OpenEntry } from "../host/files/tree.ts";
import type { Exec } from "../host/process/exec.ts";
import type { ToolCage } from "../host/process/tool-cage.ts";
import type { CheckedOut } from "./listing.ts";
import type { Sent, SentFiles } from "./pull/sent.ts";

/** The workspace's folder in every guest, whatever its name on the host. */
export const guestWorkspace = "/root/repo";

export type WorkspaceDeps = {
  exec: Exec;
  /** runs git */
  cage: ToolCage;
  /** the user's home directory */
  home: string;
  /** `paths.workspaceScratch`: for temporary git directories and packs */
  scratch: string;
  /** the user's environment, which has git settings and decides where their files are */
  env?: Record<string, string | undefined>;
};

export type WorkspaceRequest = {
  /** as the user typed it, absolute or relative to the process's working directory */
  folder: string;
  includeUntracked?: boolean | undefined;
  branch?: string | undefined;
  from?: string | undefined;
  /** branches whose history is sent too, such as `main` or `origin/main` */
  branches?: readonly string[] | undefined;
  /** commits of history to send; all when omitted */
  depth?: number | undefined;
  /** cancels planning and packing */
  signal?: AbortSignal | undefined;
};

/** The source of an entry's bytes. */
export type EntrySource =
  /** a file below `root`, opened without following links when its turn comes */
  | { kind: "disk"; root: string; path: string }
  /** a file that `open` opens when its turn comes; null: it has vanished */
  | { kind: "opened"; open(): OpenEntry | null }
  /** bytes in memory */
  | { kind: "bytes"; data: Uint8Array }
  /** folders and links */
  | { kind: "none" };

export type EntryOrigin = "tracked" | "untracked" | "folder" | "git";

/** One entry of the guest's folder. Paths are byte text (`host/files/tree.ts`), relative, checked by `isSafePath`. */
export type PlanEntry = {
  path: string;
  kind: "file" | "folder" | "link";
  /** permission bits, at most 0o777 */
  mode: number;
  /** bytes; the file's size when it was planned */
  size: number;
  /** Unix time in `ns` */
  mtimeNs: bigint;
  /** the target of a link, byte text */
  target?: string;
  origin: EntryOrigin;
  source: EntrySource;
};

/** A notice about what is sent or left out. */
export type WorkspaceNote = { level: "info" | "warn"; text: string };

/** A command to run in the guest after the files were copied. */
export type AfterCommand = { argv: string[]; cwd: string /** as in "could not …" */; what: string };

/** A command in the guest that runs in the background. */
export type DetachedCommand = AfterCommand & { env: Record<string, string> /** path in the guest */; log: string };

/** The base of a later pull: `pull/sent.ts`. `taken` fills while the files are streamed. */
export type SentWorkspace = { taken: SentFiles; sent(): Sent };

export type WorkspacePlan = {
  kind: "git" | "folder";
  /** real path on the host */
  root: string;
  /** the folder's own name, for display */
  name: string;
  /** `guestWorkspace` */
  guestPath: string;
  /** working directory of commands and shells: `guestPath`, or the subfolder of it that the user named */
  guestCwd: string;
  /** every file, link and folder except those in `.git`; parents before their content */
  entries: PlanEntry[];
  /** of `entries`: number of files and links, and bytes of files */
  totals: { files: number; bytes: number };
  /** the content of the guest's `.git`, for `--dry-run`; empty for a plain folder */
  repositories: RepositorySummary[];
  notes: WorkspaceNote[];
  after: AfterCommand[];
  /** what is sent, known when the stream has ended, for `vm workspace`; null for a plain folder */
  sent: SentWorkspace | null;
  tooling: DetachedCommand | null;
  /**
   * Starts packing the history in the background, while the caller waits for the VM; idempotent.
   * @throws WORKSPACE_INCOMPLETE, WORKSPACE_GIT from the promise, which need not be awaited
   */
  prepare(): Promise<void>;
  /** the entries of `.git`, after the packs are made; called once, by the stream */
  git(): AsyncIterable<PlanEntry>;
  /** with `--from`: the files that are not sent but checked out in the guest, for `--dry-run` */
  checkedOut(): Promise<CheckedOut[]>;
  /** removes what was made on the host and ends what still runs; idempotent */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type RepositorySummary = {
  /** folder in the workspace; empty for the top */
  path: string;
  /** branch name, or null when HEAD is detached */
  branch: string | null;
  /** null: no commit yet */
  head: string | null;
  /** other branches whose history is sent, such as `origin/main` */
  branches: string[];
  depth: number | null;
};

/** What goes into the guest, as data: `--dry-run` prints it, `stream.ts` turns it into a tar. */
import type { Exec } from "../host/process/exec.ts";
import type { ToolCage } from "../host/process/tool-cage.ts";
import type { CheckedOut } from "./listing.ts";

/** Where the workspace is in every guest, whatever the folder's name. */
export const guestWorkspace = "/root/repo";

export type WorkspaceDeps = {
  exec: Exec;
  /** of git */
  cage: ToolCage;
  /** the user's home directory */
  home: string;
  /** `paths.workspaceScratch`: for the git directories and packs that are made and removed again */
  scratch: string;
  /** the user's environment, for git's settings and where they are */
  env?: Record<string, string | undefined>;
};

export type WorkspaceRequest = {
  /** as the user typed it, relative to the process's working directory or absolute */
  folder: string;
  includeUntracked?: boolean | undefined;
  branch?: string | undefined;
  from?: string | undefined;
  /** branches whose history goes in too, as in `main` or `origin/main` */
  branches?: readonly string[] | undefined;
  /** commits of history to send, all when left out */
  depth?: number | undefined;
  /** gives up while it is planned or packed */
  signal?: AbortSignal | undefined;
};

/** Where an entry's bytes come from. */
export type EntrySource =
  /** a file below `root`, opened without following links when its turn comes */
  | { kind: "disk"; root: string; path: string }
  /** bytes made here */
  | { kind: "bytes"; data: Uint8Array }
  /** folders and links */
  | { kind: "none" };

export type EntryOrigin = "tracked" | "untracked" | "folder" | "git";

/** One thing in the guest's folder. Paths are byte text (`host/files/tree.ts`), relative, checked by `isSafePath`. */
export type PlanEntry = {
  path: string;
  kind: "file" | "folder" | "link";
  /** permission bits, at most 0o777 */
  mode: number;
  /** bytes; what the file had when planned */
  size: number;
  /** Unix time in `ns` */
  mtimeNs: bigint;
  /** target of a link, byte text */
  target?: string;
  origin: EntryOrigin;
  source: EntrySource;
};

/** Something the user should know about what goes in or does not. */
export type WorkspaceNote = { level: "info" | "warn"; text: string };

/** A command to run in the guest when the files are there. */
export type AfterCommand = { argv: string[]; cwd: string /** as in "could not …" */; what: string };

/** Work in the guest that nobody waits for. */
export type DetachedCommand = AfterCommand & { env: Record<string, string> /** path in the guest */; log: string };

export type WorkspacePlan = {
  kind: "git" | "folder";
  /** real path on the host */
  root: string;
  /** the folder's own name, for display */
  name: string;
  /** `guestWorkspace` */
  guestPath: string;
  /** where commands and shells start: `guestPath`, or the subfolder of it that the user named */
  guestCwd: string;
  /** every file, link and folder but those in `.git`; parents before what is in them */
  entries: PlanEntry[];
  /** of `entries`: files and links, and the bytes of files */
  totals: { files: number; bytes: number };
  /** what the guest's `.git` will hold, for `--dry-run`; empty for a plain folder */
  repositories: RepositorySummary[];
  notes: WorkspaceNote[];
  after: AfterCommand[];
  tooling: DetachedCommand | null;
  /**
   * Begins to pack the history in the background, for as long as the caller has to wait for the VM; idempotent.
   * @throws WORKSPACE_INCOMPLETE, WORKSPACE_GIT from the promise, which may be left alone
   */
  prepare(): Promise<void>;
  /** what `.git` will hold, waiting for the packs; called once, by the stream */
  git(): AsyncIterable<PlanEntry>;
  /** with `--from`: the files that are not sent but checked out in the guest, for `--dry-run` */
  checkedOut(): Promise<CheckedOut[]>;
  /** removes what was made on the host, ending what still runs; idempotent */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
};

export type RepositorySummary = {
  /** folder in the workspace, empty for its top */
  path: string;
  /** branch name, or null when HEAD is detached */
  branch: string | null;
  /** null: no commit yet */
  head: string | null;
  /** other branches whose history goes in, as in `origin/main` */
  branches: string[];
  depth: number | null;
};

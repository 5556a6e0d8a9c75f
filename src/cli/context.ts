/** Everything commands need from outside: `bin/banger.ts` passes in the real host, tests pass in fakes. */
import type { Api } from "../client/api.ts";
import type { RootfsSource } from "../client/artifacts/register.ts";
import type {
  ArtifactSource,
  DaemonAccess,
  SessionTerminal,
  TarSource,
  WorkspacePacker,
} from "../client/dependencies.ts";
import type { SyncPlan } from "../client/sync/plan.ts";
import type { CheckFacts } from "../doctor/facts.ts";
import type { BuildPlan } from "../imagefile/plan.ts";
import type { CatalogKind } from "../model/catalog.ts";
import type { Guest } from "../ssh/gateway/guest.ts";
import type { SystemWorld } from "../system/world.ts";
import type { SentRecords } from "../workspace/pull/records.ts";
import type { WorkspaceDeps, WorkspacePlan, WorkspaceRequest } from "../workspace/types.ts";

export type SshAccess = {
  /**
   * Serves ssh on stdin and stdout until the client has gone.
   * @param how.admits path of the public key that may log in; default: banger's own
   * @param how.say tells the user, with a line on stderr
   */
  serve(guest: Guest, how: { admits: string | undefined; say: (text: string) => void }): Promise<void>;
  /** Writes the configuration of ssh for the VMs. @returns its path, and the line that includes it */
  writeConfig(): Promise<{ file: string; include: string }>;
  /** @returns whether the user's configuration has changed */
  install(include: string): Promise<boolean>;
  /** @returns whether the user's configuration has changed */
  uninstall(): Promise<boolean>;
  /** path of the user's configuration */
  userConfig(): Promise<string>;
  /**
   * Goes on as the host's ssh, with the configuration for the VMs, which is written if it is missing or old.
   * @param words its other arguments @throws TOOL_MISSING
   */
  connect(words: readonly string[]): Promise<never>;
};

/** What `vm workspace` needs of this host, of this user in every mode. */
export type PullHost = {
  deps: WorkspaceDeps;
  records: Pick<SentRecords, "read" | "write" | "copy" | "remove">;
  /** folder with what the last apply to each work tree replaced */
  applied: string;
};

/** What functions of client/ need, and what only commands need. */
export type CliContext = DaemonAccess & SessionTerminal & WorkspacePacker & ArtifactSource & CommandContext;

type CommandContext = {
  /** output and exit code, for the parser and for commands; `flush` waits until all of it is written */
  process: {
    stdout: { write(text: string): void };
    stderr: { write(text: string): void };
    env: Record<string, string | undefined>;
    exitCode?: number | string | null;
  };
  /** Resolves when everything is printed, with the error of stdout if there was one. */
  flush(): Promise<Error | undefined>;
  /** the words after the first `--`; null without one */
  guestArgv: readonly string[] | null;
  stdio: { stderrIsTerminal: boolean };
  isRoot: boolean;
  /** the owner of HOME if root runs this with another user's HOME; else null */
  homeOf: number | null;
  isFolder(path: string): boolean;
  /** Unix time in `ms` */
  now(): number;
  /** `ms` since this process began */
  sinceStart(): number;
  /** Runs this program again with an empty stdin. `ms` is the time from start to exit. */
  runSelf(args: readonly string[]): Promise<{ code: number | null; ms: number; stderr: string }>;
  socket: string;
  /** the name of the user who owns the system service, if commands use that; null if they use the user's own daemon */
  serviceOwner: string | null;
  /** What installing and removing the system service need. */
  systemWorld(): Promise<SystemWorld>;
  /** This user's own daemon, started when needed, whatever else is installed; null if this user never had one. */
  ownApi(): Promise<Api | null>;
  /** Resolves when the process has ended. */
  processEnd(pid: number): Promise<void>;
  planWorkspace(request: WorkspaceRequest): Promise<WorkspacePlan>;
  /** The user's own files for a VM, as the configuration names them. @throws CONFIG_INVALID, SYNC_MISSING, SYNC_REFUSED */
  planFileSync(): Promise<SyncPlan>;
  pullHost(): Promise<PullHost>;
  /** Shows a text on the terminal, in the user's pager. */
  page(text: string): Promise<void>;
  /** Reads an image file. */
  readImageFile(path: string): Promise<BuildPlan>;
  /** Splits `FILE:TAG`, as skopeo does, unless a file of the whole name exists. */
  splitTag(path: string): Promise<{ file: string; tag?: string }>;
  /** Opens an archive of images as one tar stream: a file, a folder, or `-` for stdin. */
  openTar(path: string, signal: AbortSignal): Promise<TarSource>;
  /** Opens a root file system as one tar stream (a tar, a folder, a squashfs, `-` for a tar on stdin) or as a disk (an ext4). */
  openRootfs(path: string, signal: AbortSignal): Promise<RootfsSource>;
  /** Writes a stream to a file, which gets its name when it is complete; `-` is stdout. */
  saveTo(path: string, content: AsyncIterable<Uint8Array>): Promise<void>;
  /** Writes a bundle into a folder. @returns its catalog entry, as values and as TOML */
  makeBundle(
    wanted: {
      folder: string;
      kind: CatalogKind;
      name: string;
      description: string;
      kernel: string | null;
      facts: Record<string, unknown>;
      parts: { part: string; tar: AsyncIterable<Uint8Array> }[];
    },
    onProgress: (done: number) => void,
    signal: AbortSignal,
  ): Promise<{ entry: { name: string; url: string; digest: string; size: number }; toml: string }>;
  /** Reads all of stdin as text. */
  readStdin(maxBytes: number): Promise<string>;
  /** Reads a file; `-` is stdin. @throws FILE_INVALID if it is longer than `maxBytes`, errors of the system */
  readInput(path: string, maxBytes: number): Promise<Uint8Array>;
  /** Opens a kernel that the user built, as the tar stream of a package. */
  openKernel(
    own: { image: string; modules?: string | undefined; config?: string | undefined },
    signal: AbortSignal,
  ): Promise<TarSource>;
  /** ssh from this host; `bin/banger-ssh.ts` has the real one */
  sshAccess(): Promise<SshAccess>;
  checkFacts(): Promise<CheckFacts>;
};

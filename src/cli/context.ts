/** What commands get from the world: handed in by `bin/banger.ts`, faked in tests. */
import type { RootfsSource } from "../client/artifacts/register.ts";
import type {
  ArtifactSource,
  DaemonAccess,
  SessionTerminal,
  TarSource,
  WorkspacePacker,
} from "../client/dependencies.ts";
import type { CheckFacts } from "../doctor/facts.ts";
import type { BuildPlan } from "../imagefile/plan.ts";
import type { CatalogKind } from "../model/catalog.ts";
import type { WorkspacePlan, WorkspaceRequest } from "../workspace/types.ts";

/** What functions of client/ need, and what commands need besides. */
export type CliContext = DaemonAccess & SessionTerminal & WorkspacePacker & ArtifactSource & CommandContext;

type CommandContext = {
  /** the parser's own output and exit code; commands print by it too. Nothing is lost: `flush` waits for it */
  process: {
    stdout: { write(text: string): void };
    stderr: { write(text: string): void };
    env: Record<string, string | undefined>;
    exitCode?: number | string | null;
  };
  /** Resolves when all was printed, with what went wrong on stdout if anything did. */
  flush(): Promise<Error | undefined>;
  /** what stood behind the first `--`; null without one */
  guestArgv: readonly string[] | null;
  stdio: { stderrIsTerminal: boolean };
  isRoot: boolean;
  /** the uid whose home HOME is, where that is another user's than root, who runs this; else null */
  homeOf: number | null;
  isFolder(path: string): boolean;
  /** Unix time in `ms` */
  now(): number;
  /** `ms` since this process began */
  sinceStart(): number;
  /** Runs this program again, with nothing on its stdin; `ms` from its start to its end. */
  runSelf(args: readonly string[]): Promise<{ code: number | null; ms: number; stderr: string }>;
  socket: string;
  /** Resolves when no process has that pid any more. */
  processEnd(pid: number): Promise<void>;
  planWorkspace(request: WorkspaceRequest): Promise<WorkspacePlan>;
  /** What an image is to be made of, as a file of the user's says. */
  readImageFile(path: string): Promise<BuildPlan>;
  /** `FILE:TAG`, as skopeo writes it, where there is no file of the whole name. */
  splitTag(path: string): Promise<{ file: string; tag?: string }>;
  /** An archive of images as one tar stream: a file, a folder, or `-` for stdin. */
  openTar(path: string, signal: AbortSignal): Promise<TarSource>;
  /** A root file system as one tar stream: a tar, a folder, a squashfs, or `-` for a tar on stdin; an ext4 as a disk. */
  openRootfs(path: string, signal: AbortSignal): Promise<RootfsSource>;
  /** Writes a stream to a file, which gets its name when it is whole; `-` is stdout. */
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
  /** All of stdin as text. */
  readStdin(maxBytes: number): Promise<string>;
  /** A file of the user's; `-` is stdin. @throws FILE_INVALID when it is longer, and the system's error */
  readInput(path: string, maxBytes: number): Promise<Uint8Array>;
  /** A kernel of the user's own, as the tar stream of a package. */
  openKernel(
    own: { image: string; modules?: string | undefined; config?: string | undefined },
    signal: AbortSignal,
  ): Promise<TarSource>;
  checkFacts(): Promise<CheckFacts>;
};

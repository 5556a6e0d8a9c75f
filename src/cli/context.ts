/** What commands get from the world: handed in by `bin/banger.ts`, faked in tests. */
import type { Api } from "../client/api.ts";
import type { Signals, Stdio } from "../client/attach.ts";
import type { CheckFacts } from "../doctor/facts.ts";
import type { BuildPlan } from "../imagefile/plan.ts";
import type { CatalogKind } from "../model/catalog.ts";
import type { Credential } from "../model/credential.ts";
import type { Emit } from "../model/event.ts";
import type { WorkspacePlan, WorkspaceRequest } from "../workspace/types.ts";

export type Source = { tar: AsyncIterable<Uint8Array>; source: string };

export type CliContext = {
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
  stdio: Stdio & { stdinIsTerminal: boolean; stdoutIsTerminal: boolean; stderrIsTerminal: boolean };
  signals: Signals;
  env: Record<string, string | undefined>;
  isRoot: boolean;
  /** the uid whose home HOME is, where that is another user's than root, who runs this; else null */
  homeOf: number | null;
  isFolder(path: string): boolean;
  version: string;
  /** Unix time in `ms` */
  now(): number;
  /** `ms` since this process began */
  sinceStart(): number;
  /** Runs this program again, with nothing on its stdin; `ms` from its start to its end. */
  runSelf(args: readonly string[]): Promise<{ code: number | null; ms: number; stderr: string }>;
  /** Speaks with the daemon, starting it when it isn't there. */
  api: Api;
  /** null when no daemon runs @param version to speak with a daemon of another version; default our own */
  runningApi(version?: string): Promise<Api | null>;
  socket: string;
  /** Resolves when no process has that pid any more. */
  processEnd(pid: number): Promise<void>;
  planWorkspace(request: WorkspaceRequest): Promise<WorkspacePlan>;
  workspaceTar(
    plan: Pick<WorkspacePlan, "prepare" | "entries" | "git">,
    report: { onProgress?: (done: number) => void; onVanished?: (path: string) => void },
  ): AsyncIterable<Uint8Array>;
  /** What an image is to be made of, as a file of the user's says. */
  readImageFile(path: string): Promise<BuildPlan>;
  /** Runs the recipe on this host with the user's rights. @param recipe `debian-SUITE` */
  buildImage(recipe: string, emit: Emit, signal: AbortSignal): Promise<Source>;
  /** `FILE:TAG`, as skopeo writes it, where there is no file of the whole name. */
  splitTag(path: string): Promise<{ file: string; tag?: string }>;
  /** An archive of images as one tar stream: a file, a folder, or `-` for stdin. */
  openTar(path: string, signal: AbortSignal): Promise<Source>;
  /**
   * A root file system as one tar stream: a tar, a folder, a squashfs, or `-` for a tar on stdin; an ext4 as a disk. `isOnce`: it
   * can't be opened again.
   */
  openRootfs(path: string, signal: AbortSignal): Promise<Source & { isDisk?: boolean; isOnce?: boolean }>;
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
  /** Who the user is to a registry, as docker's and podman's own files say. */
  registryCredential(registry: string, repository: string): Promise<Credential | null>;
  /** All of stdin as text. */
  readStdin(maxBytes: number): Promise<string>;
  /** @param name `debian-SUITE-cloud` */
  fetchKernel(name: string, emit: Emit, signal: AbortSignal): Promise<Source & { name: string }>;
  /** A file of the user's; `-` is stdin. @throws FILE_INVALID when it is longer, and the system's error */
  readInput(path: string, maxBytes: number): Promise<Uint8Array>;
  /** A kernel of the user's own, as the tar stream of a package. */
  openKernel(
    own: { image: string; modules?: string | undefined; config?: string | undefined },
    signal: AbortSignal,
  ): Promise<Source>;
  checkFacts(): Promise<CheckFacts>;
};

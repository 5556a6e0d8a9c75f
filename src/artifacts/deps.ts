/** What images and kernels need from the host, as a record: `host/files.ts`, `host/process.ts` and `Exec` have this shape. */
import type { Exec } from "../host/exec.ts";
import type { Paths } from "../model/paths.ts";

/** A file being written; nothing is at its path when `abort` was called. */
export type ArtifactSink = { write(chunk: Uint8Array): Promise<void>; close(): Promise<void>; abort(): Promise<void> };

export type ArtifactFiles = {
  ensureFolder(path: string, mode?: number): Promise<void>;
  /** missing is fine */
  removeTree(path: string): Promise<void>;
  exists(path: string): Promise<boolean>;
  /** bytes; throws when missing */
  sizeOf(path: string): Promise<number>;
  readText(path: string, maxBytes?: number): Promise<string>;
  readBytes(path: string, maxBytes: number): Promise<Uint8Array>;
  readStream(path: string, range?: { from?: number; to?: number }): AsyncIterable<Uint8Array>;
  writeAtomic(path: string, data: Uint8Array | string, mode?: number): Promise<void>;
  /** a new file; the folder exists */
  openWrite(path: string): Promise<ArtifactSink>;
  /** fsync, rename, fsync of the folder */
  renameDurable(from: string, to: string): Promise<void>;
  listFolder(path: string): Promise<string[]>;
  /** allocated bytes of everything below */
  usedBytes(path: string): Promise<number>;
  /** a name in `folder` that nobody else has */
  tempPath(folder: string, label: string): string;
  isDiskFull(error: unknown): boolean;
};

export type PipedOptions = {
  env?: Record<string, string>;
  cwd?: string;
  signal?: AbortSignal;
  stdin?: "pipe" | "ignore";
  maxStderr?: number;
};

/** A running program and its pipes. */
export type Piped = {
  stdin: { write(chunk: Uint8Array): Promise<void>; end(): void };
  stdout: AsyncIterable<Uint8Array>;
  /** the last bytes of what it said */
  stderrTail(): string;
  /** never rejects once it has started */
  done: Promise<{ exitCode: number | null; signal: string | null }>;
  kill(signal?: NodeJS.Signals): void;
};

/** Throws (or rejects `done`) with TOOL_MISSING when there is no such program. */
export type SpawnPiped = (argv: readonly string[], options?: PipedOptions) => Piped;

/** What the daemon's side has. */
export type ArtifactDeps = { paths: Paths; files: ArtifactFiles; exec: Exec; spawnPiped: SpawnPiped; now(): number };

/**
 * What functions of client/ need from the program around them. Each function takes the narrowest of these four that will do; the CLI
 * hands in the real host, tests hand in fakes, and another program can hand in its own.
 */
import type { Credential } from "../model/credential.ts";
import type { Emit } from "../model/event.ts";
import type { WorkspacePlan } from "../workspace/types.ts";
import type { Api } from "./api.ts";

/** The daemon, across its restarts and upgrades. */
export type DaemonAccess = {
  /** speaks with the daemon, starting it when none runs */
  api: Api;
  /** of this program */
  version: string;
  /** null when no daemon runs @param version to speak with a daemon of another version; default our own */
  runningApi(version?: string): Promise<Api | null>;
};

/** The terminal or pipes that a session is joined to. `host/terminal/terminal.ts` has the real one. */
export type Stdio = {
  size(): { cols: number; rows: number };
  onResize(listener: () => void): () => void;
  raw(): () => void;
  isInForeground(): boolean;
  hasHungUp(): boolean;
  readInput(onChunk: (chunk: Uint8Array) => Promise<void>, onEnd: () => void): { stop(): void };
  write(to: "stdout" | "stderr", data: Uint8Array | string): Promise<void>;
};

/** Signals to this process: those that end it, and those that docker hands on too. The answer stops listening. */
export type Signals = (listener: (signal: string) => void) => () => void;

/** Where a session's input comes from and its output goes, and the signals that are forwarded to its command. */
export type SessionTerminal = {
  stdio: Stdio & { stdinIsTerminal: boolean; stdoutIsTerminal: boolean };
  signals: Signals;
  /** the user's environment; TERM and COLORTERM are passed to the guest */
  env: Record<string, string | undefined>;
};

/** Packs planned files for the guest. */
export type WorkspacePacker = {
  workspaceTar(
    plan: Pick<WorkspacePlan, "prepare" | "entries" | "git"> & Partial<Pick<WorkspacePlan, "sent">>,
    report: { onProgress?: (done: number) => void; onVanished?: (path: string) => void },
  ): AsyncIterable<Uint8Array>;
};

/** A tar stream, and its source for the record of the image or kernel. */
export type TarSource = { tar: AsyncIterable<Uint8Array>; source: string };

/** Makes images and kernels that the daemon can't get by itself. */
export type ArtifactSource = {
  /** Runs the recipe on this host with the user's rights. @param recipe `debian-SUITE` */
  buildImage(recipe: string, emit: Emit, signal: AbortSignal): Promise<TarSource>;
  /** @param name `debian-SUITE-cloud` */
  fetchKernel(name: string, emit: Emit, signal: AbortSignal): Promise<TarSource & { name: string }>;
  /** The user's login at a registry, from the files of docker and podman. */
  registryCredential(registry: string, repository: string): Promise<Credential | null>;
};

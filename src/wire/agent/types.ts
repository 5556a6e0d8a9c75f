/** The agent protocol's vocabulary; `protocol/agent.md` is its description. */

export const maxPayload = 32768;
export const initialCredit = 262144;
export const maxStreams = 256;

export const FrameType = {
  Hello: 0x01,
  Open: 0x02,
  Reply: 0x03,
  Event: 0x04,
  Credit: 0x05,
  Close: 0x06,
  Ping: 0x07,
  Pong: 0x08,
  Notice: 0x09,
  Data: 0x10,
  Eof: 0x20,
} as const;

/** `type` of DATA and EOF carries the channel in its low 4 bits (0-2). */
export type Frame = { type: number; stream: number; payload: Uint8Array };

export type Json = Record<string, unknown>;

export type Hello = {
  protocol: number;
  agent: string;
  phase: "boot" | "up";
  generation: number;
  init: string;
  bootId: string;
  features: string[];
};

export type ExecRequest = {
  argv?: string[];
  /** the user's login shell instead of `argv` */
  shell?: boolean;
  /** with `shell`: what runs where the user's shell is one that refuses logins */
  instead?: string[];
  /** the program is PID 1 of a process namespace, as in a container */
  pid1?: boolean;
  env?: Record<string, string>;
  cwd?: string;
  user?: string;
  tty?: { cols: number; rows: number /** name of the host's terminal */; term?: string };
  detach?: { log: string };
  /** secret token, 32 hexadecimal digits: the command outlives its connection and can be resumed with it */
  resumable?: string;
};

/** Resumes a command whose stream was lost. */
export type ResumeRequest = { token: string /** bytes of channel 1 received so far */; stdout: number; stderr: number };

export type ResumeReply = {
  /** bytes of input that arrived */ stdin: number /** signals that arrived */;
  signals: number;
};

/**
 * Who the machine is. A higher generation than the agent's is another machine: a first boot, or, in phase `up`, a copy of
 * the one that was told before. What a copy isn't told of `environment`, `caCertificates` and `session` it does not have.
 * The same generation changes what it names and leaves the rest: `{ generation, clock }` sets the clock alone.
 */
export type IdentityRequest = {
  generation: number;
  hostname?: string;
  machineId?: string;
  /** Unix time, seconds with a fraction, as text */
  clock?: string;
  /** base64, 32-512 bytes */
  entropy?: string;
  network?: { address: string; prefix: number; gateway: string; mac: string; dns: string[]; search: string[] };
  sshHostKeys?: { type: string; private: string; public: string }[];
  authorizedKeys?: string[];
  environment?: Record<string, string>;
  caCertificates?: string[];
  /** what `exec` takes when it isn't told: as whom (`name`, `uid`, `:group` perhaps) and where */
  session?: { user?: string; workdir?: string };
  /** in phase `boot`: the machine is to be copied, and its copies will be told who they are */
  template?: boolean;
  /** of a higher generation: the machine goes on from where it was saved, and its boot is the same */
  keepBootId?: boolean;
};

export type IdentityReply = {
  /** what could not be done, and why; the rest is in force */
  skipped?: string[];
};

export type SettleRequest = {
  /** tells the disk which of its blocks are free */
  trim?: boolean;
  /** forgets what is cached of files; what is read again is slow then */
  dropCaches?: boolean;
};

export type SettleReply = { /** bytes that the disk need not keep; with `trim` */ trimmed?: number };

export type StatsReply = {
  uptimeMs: number;
  /** since boot, all CPUs together */
  cpuMs: number;
  /** TCP connections with other machines, of the guest itself: not those of containers */
  connections: number;
  load1: number;
  /** bytes */
  memory: { total: number; available: number };
  /** bytes */
  disk: { total: number; free: number };
};

/** How a command in the guest ended. */
export type ExecExit = { code: number } | { signal: string; number: number };

/** A stream of a session, seen from the side that opened it. */
export interface AgentStream {
  /** the REPLY, already known to be ok */
  readonly reply: Json;
  /** Sends; resolves when it went out within the credit (so awaiting it is the back-pressure). */
  write(channel: number, data: Uint8Array): Promise<void>;
  eof(channel: number): void;
  event(event: Json): void;
  /** Credit goes back when the listener's promise resolves. Copy what is kept. Set once, synchronously after `open` resolves. */
  onData(listener: (channel: number, data: Uint8Array) => void | Promise<void>): void;
  onEof(listener: (channel: number) => void): void;
  onEvent(listener: (event: Json) => void): void;
  /** Resolves when the stream is over (after all data was taken); rejects with AGENT_REFUSED for CLOSE with an error, SESSION_LOST when the connection dropped. */
  readonly closed: Promise<void>;
  /** Sends CLOSE: asks the other side to end what runs. */
  close(): void;
}

export type OpenOptions = {
  /** of the wait for the reply: afterwards `close()` is the way */
  signal?: AbortSignal;
  /** for the reply, default 30_000 `ms`, 0 for no limit */
  timeoutMs?: number;
};

/** One session on one connection. */
export interface AgentClient {
  /** absent between `banger` and `bangerd` */
  readonly hello: Hello | null;
  /**
   * Rejects with the refusal as a BangerError: COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, else AGENT_REFUSED; with
   * SESSION_LOST when the connection drops, with AGENT_UNREACHABLE when no reply comes in time, with the signal's reason.
   */
  open(verb: string, args: Json, options?: OpenOptions): Promise<AgentStream>;
  ping(): Promise<void>;
  onNotice(listener: (notice: Json) => void): void;
  /** once; the connection is gone */
  readonly closed: Promise<Error | undefined>;
  /** ends the session by dropping the connection */
  destroy(): void;
}

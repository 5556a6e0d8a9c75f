/** Types and limits of the agent protocol, as `protocol/agent.md` specifies it. */

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
export type Frame = {
  type: number;
  stream: number;
  payload: Uint8Array;
  /** the frame's own bytes around `payload`, if its receiver may change them: then it can be sent on without a copy */
  whole?: Buffer | undefined;
};

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
  /** with `shell`: runs in place of a login shell that refuses logins, such as `nologin` */
  instead?: string[];
  /** a program that the agent itself is, instead of `argv`: an SFTP server, or the remote side of the old scp protocol */
  builtin?: "sftp" | "scp";
  /** of the builtin `scp`: its arguments as they were typed, which the user's shell expands */
  arguments?: string;
  /** the program is PID 1 of a process namespace, as in a container */
  pid1?: boolean;
  env?: Record<string, string>;
  cwd?: string;
  user?: string;
  tty?: { cols: number; rows: number /** terminal type on the host (`$TERM`) */; term?: string };
  detach?: { log: string };
  /** secret token, 32 hexadecimal digits: the command outlives its connection and can be resumed with this token */
  resumable?: string;
};

/** Attaches to a command whose stream was lost. */
export type ResumeRequest = { token: string /** bytes of channel 1 received so far */; stdout: number; stderr: number };

export type ResumeReply = {
  /** bytes of input received */ stdin: number /** signals received */;
  signals: number;
};

/**
 * What makes one copy of a guest this VM. A generation above the agent's means another machine: a first boot or, in phase
 * `up`, a copy of a machine that already had an identity. A copy keeps none of `environment`, `caCertificates` and `session`:
 * what the request omits is cleared. With the same generation only the given fields change: `{ generation, clock }` sets the
 * clock alone.
 */
export type IdentityRequest = {
  generation: number;
  hostname?: string;
  /** loopback address of the guest that `host.banger.internal` means; written with `hostname` */
  hostAddress?: string;
  machineId?: string;
  /** Unix time in seconds, as decimal text with a fraction */
  clock?: string;
  /** base64, 32-512 bytes */
  entropy?: string;
  network?: {
    address: string;
    prefix: number;
    gateway: string;
    window?: number;
    mac: string;
    dns: string[];
    search: string[];
  };
  sshHostKeys?: { type: string; private: string; public: string }[];
  authorizedKeys?: string[];
  environment?: Record<string, string>;
  caCertificates?: string[];
  /** defaults of `exec`: user (`name` or `uid`, with an optional `:group`) and working directory */
  session?: { user?: string; workdir?: string };
  /** in phase `boot`: this machine will be saved as a template, and each copy gets its own identity */
  template?: boolean;
  /** with a higher generation: the VM resumes its own saved state, so it keeps its boot id */
  keepBootId?: boolean;
};

export type IdentityReply = {
  /** the parts that could not be applied, with reasons; all others were */
  skipped?: string[];
};

export type SettleRequest = {
  /** discards the disk's free blocks (FITRIM) */
  trim?: boolean;
  /** drops cached file pages; the next reads are slower */
  dropCaches?: boolean;
};

export type SettleReply = { /** bytes discarded, with `trim` */ trimmed?: number };

export type StatsReply = {
  uptimeMs: number;
  /** CPU time since boot, all CPUs added up */
  cpuMs: number;
  /** the guest's own TCP connections with other machines; containers' are not counted */
  connections: number;
  load1: number;
  /** bytes */
  memory: { total: number; available: number };
  /** bytes */
  disk: { total: number; free: number };
};

/** How a command in the guest ended. */
export type ExecExit = { code: number } | { signal: string; number: number };

/** @param whole the frame that `data` came in, which the listener may change; undefined for data that had to wait */
export type OnData = (channel: number, data: Uint8Array, whole?: Buffer) => void | Promise<void>;

/** A stream of a session, seen from the side that opened it. */
export interface AgentStream {
  /** the REPLY, which accepted the stream */
  readonly reply: Json;
  /**
   * Resolves when all of it was sent within the credit: await it for back-pressure. Undefined when it was sent at once.
   * @param whole the frame that `data` came in, to be sent on as it is: nobody may use it afterwards
   */
  write(channel: number, data: Uint8Array, whole?: Buffer): Promise<void> | undefined;
  eof(channel: number): void;
  event(event: Json): void;
  /**
   * Credit is returned when the listener's promise resolves. Copy data to keep it: it can be a view of a larger buffer. Set once,
   * synchronously after `open` resolves.
   */
  onData(listener: OnData): void;
  onEof(listener: (channel: number) => void): void;
  onEvent(listener: (event: Json) => void): void;
  /** Resolves when the stream has ended and all data was delivered; rejects with AGENT_REFUSED after CLOSE with an error, SESSION_LOST when the connection drops. */
  readonly closed: Promise<void>;
  /** Sends CLOSE: asks the peer to end the command or transfer. */
  close(): void;
}

export type OpenOptions = {
  /** aborts the wait for the reply; afterwards use `close()` */
  signal?: AbortSignal;
  /** time limit for the reply in `ms`, default 30_000; 0: none */
  timeoutMs?: number;
};

/** One session on one connection. */
export interface AgentClient {
  /** null between `banger` and `bangerd` */
  readonly hello: Hello | null;
  /**
   * Rejects with the refusal as a BangerError: COMMAND_NOT_FOUND, COMMAND_NOT_EXECUTABLE, else AGENT_REFUSED; with
   * SESSION_LOST when the connection drops, AGENT_UNREACHABLE when no reply comes in time, or the signal's reason.
   */
  open(verb: string, args: Json, options?: OpenOptions): Promise<AgentStream>;
  ping(): Promise<void>;
  onNotice(listener: (notice: Json) => void): void;
  /** Resolves once the connection is closed, with the error that closed it. */
  readonly closed: Promise<Error | undefined>;
  /** Ends the session by closing the connection. */
  destroy(): void;
}

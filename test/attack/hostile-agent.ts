/**
 * A guest's root that has replaced the agent: it speaks `protocol/agent.md` over a unix socket, byte by byte, and so can say
 * what no agent of ours would. It answers as a well-behaved one does until a test replaces an answer.
 */
import type { ByteStream } from "../../src/base/bytes.ts";
import { listenUnix, type UnixListener } from "../../src/host/net/socket.ts";
import { encodeFrame, FrameDecoder } from "../../src/wire/agent/frame.ts";
import { magic, preambleBytes, tagOf } from "../../src/wire/agent/preamble.ts";
import { creditOf } from "../../src/wire/agent/testing/raw.ts";
import { type Frame, FrameType, type Json } from "../../src/wire/agent/types.ts";

export { FrameType };

/** What the host asked for, and the line to answer it on. */
export type Asked = { line: GuestLine; stream: number; verb: string; request: Json };
/** Answers a verb. */
export type Answer = (asked: Asked) => void;
/** Frames as `send` takes them. */
export type Sent = [type: number, stream: number, payload?: Uint8Array | Json];

const hello = {
  ...{ protocol: 1, agent: "0.0.0", phase: "boot", generation: 0, init: "systemd", bootId: "" },
  features: ["exec", "put", "get", "dial", "ports", "identity", "grow", "stats", "services", "settle", "poweroff"],
};

export class HostileAgent {
  /** answers of the test's own, by verb */
  verbs: Record<string, Answer> = {};
  /** takes the whole greeting over: `preamble` is what has to come back before HELLO */
  greet: ((line: GuestLine, preamble: Uint8Array) => void) | null = null;
  /** everything that `put` brought, one tar stream each */
  readonly puts: Uint8Array[] = [];
  readonly path: string;
  #listener: UnixListener | null = null;
  #lines = new Set<GuestLine>();

  /** @param path of the socket that it listens at */
  constructor(path: string) {
    this.path = path;
  }

  async listen(): Promise<void> {
    this.#listener = await listenUnix(this.path, { mode: 0o600 }, (stream) => {
      const line = new GuestLine(stream, this);
      this.#lines.add(line);
      stream.onClose(() => this.#lines.delete(line));
    });
  }

  async close(): Promise<void> {
    for (const line of this.#lines) line.stream.destroy();
    await this.#listener?.close();
  }

  answer(asked: Asked): void {
    const own = this.verbs[asked.verb];
    if (own) own(asked);
    else honest(asked, this);
  }
}

/** One session of the host's. */
export class GuestLine {
  readonly stream: ByteStream;
  readonly #agent: HostileAgent;
  #decoder: FrameDecoder | null = null;
  #early = Buffer.alloc(0);
  #tag = 0;
  /** true once the host has ended the session */
  isClosed = false;
  /** what comes on a stream after it was opened */
  readonly onFrame = new Map<number, (frame: Frame) => void>();

  constructor(stream: ByteStream, agent: HostileAgent) {
    this.stream = stream;
    this.#agent = agent;
    stream.onClose(() => {
      this.isClosed = true;
    });
    stream.onData((chunk) => this.#take(chunk));
  }

  send(...frames: Sent[]): void {
    const encoded = frames.map(([type, stream, payload = new Uint8Array()]) =>
      encodeFrame({ type, stream, payload: bytesOf(payload) }, this.#tag),
    );
    this.stream.write(Buffer.concat(encoded));
  }

  /** The bytes of one frame, to be damaged. */
  encode([type, stream, payload = new Uint8Array()]: Sent): Buffer {
    return Buffer.from(encodeFrame({ type, stream, payload: bytesOf(payload) }, this.#tag));
  }

  /** Sends frames for as long as the host takes them, up to `limit` bytes. */
  async flood(frames: Sent[], limit: number): Promise<void> {
    const bytes = Buffer.concat(frames.map((frame) => this.encode(frame)));
    for (let sent = 0; sent < limit && !this.isClosed; sent += bytes.length) {
      if (!this.stream.write(bytes)) await this.stream.drained();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #take(chunk: Uint8Array): void {
    if (this.#decoder) return this.#decode(chunk);
    this.#early = Buffer.concat([this.#early, chunk]);
    const at = this.#early.indexOf(magic);
    if (at < 0 || this.#early.length < at + preambleBytes) return;
    const preamble = this.#early.subarray(at, at + preambleBytes);
    this.#tag = tagOf(preamble.subarray(magic.length));
    this.#decoder = new FrameDecoder(this.#tag);
    if (this.#agent.greet) this.#agent.greet(this, preamble);
    else {
      this.stream.write(preamble);
      this.send([FrameType.Hello, 0, hello]);
    }
    this.#decode(this.#early.subarray(at + preambleBytes));
  }

  #decode(chunk: Uint8Array): void {
    this.#decoder?.push(chunk, ({ type, stream, payload }) => {
      const frame = { type, stream, payload: new Uint8Array(payload) };
      if (type === FrameType.Ping) return this.send([FrameType.Pong, 0, frame.payload]);
      if (type !== FrameType.Open) return this.#continue(frame);
      const request = JSON.parse(Buffer.from(payload).toString()) as Json;
      this.#agent.answer({ line: this, stream, verb: String(request["verb"]), request });
    });
  }

  #continue(frame: Frame): void {
    const own = this.onFrame.get(frame.stream);
    if (own) return own(frame);
    if (frame.type === FrameType.Close) this.send([FrameType.Close, frame.stream]);
  }
}

function honest({ line, stream, verb }: Asked, agent: HostileAgent): void {
  if (verb === "exec") return line.send(...execFrames(stream));
  if (verb === "put") return takePut(line, stream, agent);
  const extra = verb === "services" ? { state: "running", failed: [] } : {};
  line.send([FrameType.Reply, stream, { ok: true, ...extra }]);
  if (verb === "identity") line.send([FrameType.Notice, 0, { notice: "up" }]);
}

/** A command that says `fine` and ends with 0. */
export function execFrames(stream: number, exit: Json = { event: "exit", code: 0 }): Sent[] {
  return [
    [FrameType.Reply, stream, { ok: true, pid: 1 }],
    [FrameType.Data | 1, stream, Buffer.from("fine\n")],
    [FrameType.Eof | 1, stream],
    [FrameType.Eof | 2, stream],
    [FrameType.Event, stream, exit],
    [FrameType.Close, stream],
  ];
}

function takePut(line: GuestLine, stream: number, agent: HostileAgent): void {
  const chunks: Uint8Array[] = [];
  line.onFrame.set(stream, ({ type, payload }) => {
    if (type === FrameType.Data) {
      chunks.push(payload);
      line.send([FrameType.Credit, stream, creditOf(0, payload.length)]);
    }
    if (type !== FrameType.Eof) return;
    agent.puts.push(new Uint8Array(Buffer.concat(chunks)));
    line.send([FrameType.Event, stream, { event: "done", entries: 1, bytes: 1 }], [FrameType.Close, stream]);
    line.onFrame.delete(stream);
  });
  line.send([FrameType.Reply, stream, { ok: true }]);
}

function bytesOf(payload: Uint8Array | Json): Uint8Array {
  return payload instanceof Uint8Array ? payload : new TextEncoder().encode(JSON.stringify(payload));
}

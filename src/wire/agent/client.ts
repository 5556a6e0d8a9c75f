/** Opening a session: with the agent in a guest, or between `banger` and `bangerd`. */
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail, toBangerError } from "../../base/errors/error.ts";
import { FrameDecoder, protocolError } from "./frame.ts";
import { parseHello } from "./hello.ts";
import { parseJson } from "./json.ts";
import { magic, makeNonce, preamble, Scanner, tagOf } from "./preamble.ts";
import { Session } from "./session.ts";
import { type AgentClient, FrameType, type Hello } from "./types.ts";

export type ConnectOptions = {
  /** something else may have used this line before */
  resync: boolean;
  timeoutMs: number;
  /** of the VM, in messages */
  name?: string;
};

/** What an earlier session may have left in flight: 256 streams' windows and some. */
const maxSkipped = 256 * 1024 * 1024;

/**
 * Preamble, the agent's answer, HELLO. On failure the line is destroyed.
 * @throws AGENT_PROTOCOL, AGENT_UNREACHABLE
 */
export async function connectAgent(line: ByteStream, options: ConnectOptions): Promise<AgentClient> {
  const nonce = makeNonce();
  const greeting = new Greeting(line, nonce);
  const name = options.name ?? "?";
  const timer = setTimeout(() => greeting.fail(new Error(`no answer within ${options.timeoutMs / 1000} s`)), options.timeoutMs);
  try {
    line.write(preamble(nonce, options.resync));
    const { hello, rest } = await greeting.done;
    return new Session(greeting.line, { tag: tagOf(nonce), side: "host", hello, name }).start(rest);
  } catch (error) {
    line.destroy();
    const known = toBangerError(error);
    throw known.code === "INTERNAL" ? fail("AGENT_UNREACHABLE", { name, reason: (error as Error).message }, error) : known;
  } finally {
    clearTimeout(timer);
  }
}

/** No preamble, tag 0: the line comes from an HTTP upgrade. @param name of the VM, in messages */
export function plainClient(line: ByteStream, name?: string): AgentClient {
  return new Session(line, { tag: 0, side: "host", ...(name === undefined ? {} : { name }) }).start();
}

/** Reads up to HELLO, then hands the line on: it can have listeners only once, so they are forwarded. */
class Greeting {
  readonly done: Promise<{ hello: Hello; rest: Uint8Array }>;
  readonly line: ByteStream;
  readonly #deferred = new Deferred<{ hello: Hello; rest: Uint8Array }>();
  readonly #scanner: Scanner;
  readonly #tag: number;
  #found = false;
  #collected: Uint8Array[] = [];
  #forward: ((chunk: Uint8Array) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #onClose: ((error?: Error) => void) | undefined;
  #closed: { error: Error | undefined } | undefined;

  constructor(line: ByteStream, nonce: Buffer) {
    this.#scanner = new Scanner(Buffer.concat([magic, nonce]), maxSkipped);
    this.#tag = tagOf(nonce);
    this.done = this.#deferred.promise;
    this.done.catch(() => {});
    this.line = { ...bound(line), ...this.#listening() };
    line.onData((chunk) => this.#take(chunk));
    line.onEnd(() => (this.#onEnd ? this.#onEnd() : this.fail(new Error("the line ended"))));
    line.onClose((error) => {
      this.#closed = { error };
      this.fail(error ?? new Error("the line was closed"));
      this.#onClose?.(error);
    });
  }

  fail(error: Error): void {
    this.#deferred.reject(error);
  }

  #listening(): Pick<ByteStream, "onData" | "onEnd" | "onClose"> {
    return {
      onData: (listener) => {
        this.#forward = listener;
        for (const chunk of this.#collected.splice(0)) listener(chunk);
      },
      onEnd: (listener) => {
        this.#onEnd = listener;
      },
      onClose: (listener) => {
        this.#onClose = listener;
        if (this.#closed) queueMicrotask(() => listener(this.#closed?.error));
      },
    };
  }

  #take(chunk: Uint8Array): void {
    if (this.#forward) return this.#forward(chunk);
    try {
      const bytes = this.#found ? chunk : this.#scanner.push(chunk);
      if (bytes === null) return;
      this.#found = true;
      this.#collected.push(bytes);
      this.#tryHello();
    } catch (error) {
      this.fail(error instanceof RangeError ? protocolError(error.message) : (error as Error));
    }
  }

  /** HELLO is small: putting the pieces together again for each costs nothing. */
  #tryHello(): void {
    const bytes = Buffer.concat(this.#collected);
    const length = bytes.length >= 4 ? bytes.readUInt32LE(0) + 13 : Number.POSITIVE_INFINITY;
    let hello: Hello | undefined;
    new FrameDecoder(this.#tag).push(bytes.subarray(0, length), (frame) => {
      if (frame.type !== FrameType.Hello || frame.stream !== 0) throw protocolError("the first frame is no HELLO");
      hello = parseHello(parseJson(frame.payload));
    });
    if (!hello) return;
    this.#collected = [];
    this.#deferred.resolve({ hello, rest: bytes.subarray(length) });
  }
}

function bound(line: ByteStream): Omit<ByteStream, "onData" | "onEnd" | "onClose"> {
  return {
    write: (chunk) => line.write(chunk),
    drained: () => line.drained(),
    pause: () => line.pause(),
    resume: () => line.resume(),
    end: () => line.end(),
    destroy: (error) => line.destroy(error),
  };
}

/** The host's side of the handshake: the agent's answer to the preamble, then HELLO. */
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { FrameDecoder, protocolError } from "./frame.ts";
import { parseHello } from "./hello.ts";
import { parseJson } from "./json.ts";
import { magic, Scanner, tagOf } from "./preamble.ts";
import { FrameType, type Hello } from "./types.ts";

/** Bytes. An earlier session can leave this much in flight: the windows of 256 streams, rounded up. */
const maxSkipped = 256 * 1024 * 1024;

export type HandshakeResult = { hello: Hello /** bytes received after HELLO */; rest: Uint8Array };

/** Reads up to HELLO. A ByteStream takes its listeners once, so the session must use `connection`, which forwards them. */
export class Handshake {
  readonly done: Promise<HandshakeResult>;
  readonly connection: ByteStream;
  readonly #deferred = new Deferred<HandshakeResult>();
  readonly #scanner: Scanner;
  readonly #tag: number;
  /** `scan`: looking for the nonce; `hello`: reading the frame; `over`: bytes go to the session */
  #phase: "scan" | "hello" | "over" = "scan";
  #collected: Uint8Array[] = [];
  #ended = false;
  #closed: { error: Error | undefined } | undefined;
  #onData: ((chunk: Uint8Array) => void) | undefined;
  #onEnd: (() => void) | undefined;
  #onClose: ((error?: Error) => void) | undefined;

  constructor(connection: ByteStream, nonce: Uint8Array) {
    this.#scanner = new Scanner(Buffer.concat([magic, nonce]), maxSkipped);
    this.#tag = tagOf(nonce);
    this.done = this.#deferred.promise;
    this.done.catch(() => {});
    this.connection = { ...bound(connection), ...this.#listening() };
    connection.onClose((error) => this.#takeClose(error));
    connection.onEnd(() => this.#takeEnd());
    connection.onData((chunk) => this.#take(chunk));
  }

  /** Rejects `done`; no effect once HELLO has arrived. */
  fail(error: Error): void {
    this.#deferred.reject(error);
  }

  #listening(): Pick<ByteStream, "onData" | "onEnd" | "onClose"> {
    return {
      onData: (listener) => {
        this.#onData = listener;
        for (const chunk of this.#collected.splice(0)) listener(chunk);
      },
      onEnd: (listener) => {
        this.#onEnd = listener;
        if (this.#ended) queueMicrotask(listener);
      },
      onClose: (listener) => {
        this.#onClose = listener;
        if (this.#closed) queueMicrotask(() => listener(this.#closed?.error));
      },
    };
  }

  #takeClose(error: Error | undefined): void {
    this.#closed = { error };
    this.fail(error ?? new Error("the connection was closed"));
    this.#onClose?.(error);
  }

  #takeEnd(): void {
    this.#ended = true;
    this.fail(new Error("the connection ended"));
    this.#onEnd?.();
  }

  #take(chunk: Uint8Array): void {
    if (this.#onData) return this.#onData(chunk);
    if (this.#phase === "over") return void this.#collected.push(chunk);
    try {
      const bytes = this.#phase === "hello" ? chunk : this.#scanner.push(chunk);
      if (bytes === null) return;
      this.#phase = "hello";
      this.#collected.push(bytes);
      this.#tryHello();
    } catch (error) {
      this.fail(error instanceof RangeError ? protocolError(error.message) : (error as Error));
    }
  }

  /** HELLO is small, so joining all pieces again for each chunk is cheap. */
  #tryHello(): void {
    const bytes = Buffer.concat(this.#collected);
    const length = bytes.length >= 4 ? bytes.readUInt32LE(0) + 13 : Number.POSITIVE_INFINITY;
    let hello: Hello | undefined;
    new FrameDecoder(this.#tag).push(bytes.subarray(0, length), (frame) => {
      if (frame.type !== FrameType.Hello || frame.stream !== 0) throw protocolError("the first frame is not HELLO");
      hello = parseHello(parseJson(frame.payload));
    });
    if (!hello) return;
    this.#phase = "over";
    this.#collected = [];
    this.#deferred.resolve({ hello, rest: bytes.subarray(length) });
  }
}

function bound(connection: ByteStream): Omit<ByteStream, "onData" | "onEnd" | "onClose"> {
  return {
    write: (chunk) => connection.write(chunk),
    drained: () => connection.drained(),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    end: () => connection.end(),
    destroy: (error) => connection.destroy(error),
  };
}

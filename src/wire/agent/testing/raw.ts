/** One end of a session, controlled frame by frame: for tests of how the other end handles violations. */
import { Deferred } from "../../../base/async.ts";
import type { ByteStream } from "../../../base/bytes.ts";
import { encodeFrame, FrameDecoder } from "../frame.ts";
import { type Frame, FrameType, type Json } from "../types.ts";

export class RawPeer {
  readonly connection: ByteStream;
  readonly seen: Frame[] = [];
  readonly closed: Promise<void>;
  readonly #tag: number;
  #waiting: { matches: (frame: Frame) => boolean; found: Deferred<Frame> }[] = [];

  constructor(connection: ByteStream, tag = 0) {
    this.connection = connection;
    this.#tag = tag;
    const decoder = new FrameDecoder(tag);
    const closed = new Deferred<void>();
    this.closed = closed.promise;
    connection.onClose(() => closed.resolve());
    connection.onData((chunk) =>
      decoder.push(chunk, (frame) => this.#take({ ...frame, payload: new Uint8Array(frame.payload) })),
    );
  }

  send(type: number, stream: number, payload: Uint8Array | Json = new Uint8Array()): void {
    this.connection.write(encodeFrame({ type, stream, payload: bytesOf(payload) }, this.#tag));
  }

  /** Several frames in one chunk. */
  sendAll(frames: [type: number, stream: number, payload?: Uint8Array | Json][]): void {
    const encoded = frames.map(([type, stream, payload]) =>
      encodeFrame({ type, stream, payload: bytesOf(payload ?? new Uint8Array()) }, this.#tag),
    );
    this.connection.write(Buffer.concat(encoded));
  }

  /** The next frame of a type that no call has returned yet. */
  async next(type: number): Promise<Frame> {
    const at = this.seen.findIndex((frame) => frame.type === type);
    if (at >= 0) return this.seen.splice(at, 1)[0] as Frame;
    const found = new Deferred<Frame>();
    this.#waiting.push({ matches: (frame) => frame.type === type, found });
    return found.promise;
  }

  async nextJson(type: number): Promise<Json> {
    return jsonOf(await this.next(type));
  }

  #take(frame: Frame): void {
    const at = this.#waiting.findIndex(({ matches }) => matches(frame));
    if (at >= 0) this.#waiting.splice(at, 1)[0]?.found.resolve(frame);
    else this.seen.push(frame);
  }
}

export function jsonOf(frame: Frame): Json {
  return JSON.parse(new TextDecoder().decode(frame.payload)) as Json;
}

export function creditOf(channel: number, bytes: number): Uint8Array {
  const payload = Buffer.alloc(5);
  payload[0] = channel;
  payload.writeUInt32LE(bytes, 1);
  return payload;
}

/** Resolves after some turns of the event loop, when everything in memory connections has arrived. */
export async function delivered(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export const data = (channel: number) => FrameType.Data | channel;
export const eof = (channel: number) => FrameType.Eof | channel;

function bytesOf(payload: Uint8Array | Json): Uint8Array {
  return payload instanceof Uint8Array ? payload : new TextEncoder().encode(JSON.stringify(payload));
}

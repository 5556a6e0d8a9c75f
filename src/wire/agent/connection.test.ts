/** A session on a connection that the test controls: one without room, one that drops, one that delivers single bytes. */
import { describe, expect, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import type { BangerError } from "../../base/errors/error.ts";
import { encodeFrame } from "./frame.ts";
import { Session, type SessionOptions } from "./session.ts";
import type { Stream } from "./stream.ts";
import { delivered } from "./testing/raw.ts";
import { FrameType, type Json } from "./types.ts";

const { Open, Reply, Notice } = FrameType;

const payload = 32_768;
const tooMuch = { code: "AGENT_PROTOCOL" };
/** bytes of a frame without a payload */
const around = encodeFrame({ type: Notice, stream: 0, payload: new Uint8Array() }, 0).length;

/** Accepts every write, but reports no room until `drain`. */
class FullConnection implements ByteStream {
  /** bytes of each write */
  readonly written: number[] = [];
  room = new Deferred<void>();
  destroyed: Error | undefined;
  receive: (chunk: Uint8Array) => void = () => {};
  close: (error?: Error) => void = () => {};

  onData(listener: (chunk: Uint8Array) => void): void {
    this.receive = listener;
  }
  onEnd(): void {}
  onClose(listener: (error?: Error) => void): void {
    this.close = listener;
  }
  write(chunk: Uint8Array): boolean {
    this.written.push(chunk.length);
    return false;
  }
  drained(): Promise<void> {
    return this.room.promise;
  }
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(error?: Error): void {
    this.destroyed ??= error ?? new Error("in order");
  }

  async drain(): Promise<void> {
    this.room.resolve();
    this.room = new Deferred();
    await delivered();
  }
}

function session(options: Partial<SessionOptions> = {}) {
  const connection = new FullConnection();
  return { connection, session: new Session(connection, { tag: 0, side: "host", ...options }).start() };
}

const opening = (stream: number, request: Json = { verb: "x" }) =>
  encodeFrame({ type: Open, stream, payload: Buffer.from(JSON.stringify(request)) }, 0);

/** An accepted stream that the peer opened. */
function served(): { connection: FullConnection; session: Session; stream: Stream } {
  const streams: Stream[] = [];
  const both = session({ onOpen: (one) => void streams.push(one.accept()) });
  both.connection.receive(opening(2));
  const [stream] = streams;
  if (!stream) throw new Error("it was not opened");
  return { ...both, stream };
}

/** Sends notices whose frames have `bytes` bytes together. */
function owe(one: Session, bytes: number): void {
  const largest = payload + around;
  for (let left = bytes; left > 0; ) {
    const size = left > largest ? Math.min(largest, left - 100) : left;
    one.notice({ a: "x".repeat(size - around - '{"a":""}'.length) });
    left -= size;
  }
}

describe("frames without flow control", () => {
  const owed = 8 * 1024 * 1024;

  test.each([0, 1])("8 MiB of them can wait, and %i bytes more", (past) => {
    const { connection, session: one } = session();
    owe(one, owed + past);
    if (past === 0) expect(connection.destroyed).toBeUndefined();
    else expect(connection.destroyed).toMatchObject(tooMuch);
  });

  test("bytes that were sent are no longer counted", async () => {
    const { connection, session: one } = session();
    owe(one, owed);
    await connection.drain();
    owe(one, owed);
    expect(connection.destroyed).toBeUndefined();
    owe(one, 100);
    expect(connection.destroyed).toMatchObject(tooMuch);
  });

  test("data is not counted", async () => {
    const { connection, session: one, stream } = served();
    for (const channel of [0, 1, 2]) void stream.write(channel, new Uint8Array(100));
    const reply = encodeFrame({ type: Reply, stream: 2, payload: Buffer.from('{"ok":true}') }, 0).length;
    owe(one, owed - reply);
    expect(connection.destroyed).toBeUndefined();
    owe(one, 100);
    expect(connection.destroyed).toMatchObject(tooMuch);
  });
});

test("a writer sends one frame at a time to a connection that has no room", async () => {
  const { connection, stream } = served();
  connection.written.length = 0;
  void stream.write(0, new Uint8Array(3 * payload));
  for (let frames = 1; frames <= 3; frames++) {
    await delivered();
    expect(connection.written).toHaveLength(frames);
    await connection.drain();
  }
});

test("writes on one channel are sent in order, however long the first one waits", async () => {
  const { connection, stream } = served();
  connection.written.length = 0;
  void stream.write(0, new Uint8Array(2 * payload));
  void stream.write(0, new Uint8Array(1));
  void stream.write(0, new Uint8Array(2));
  for (let drained = 0; drained < 4; drained++) await connection.drain();
  expect(connection.written.map((bytes) => bytes - around)).toEqual([payload, payload, 1, 2]);
});

test("a session that has ended sends and reads nothing", async () => {
  const { connection, session: one } = session();
  one.destroy();
  one.notice({ notice: "late" });
  expect(connection.written).toEqual([]);
  connection.receive(new Uint8Array(1000).fill(0xff));
  connection.close(new Error("reset"));
  await expect(one.open("exec", {})).rejects.toMatchObject({ details: { reason: "its connection was closed" } });
});

test("frames after one whose listener ends the session are ignored", () => {
  const opened: string[] = [];
  const both = session({
    onOpen: ({ verb }) => {
      opened.push(verb);
      both.session.destroy();
    },
  });
  both.connection.receive(Buffer.concat([opening(2, { verb: "one" }), opening(4, { verb: "two" })]));
  expect(opened).toEqual(["one"]);
});

test("an exception of a listener ends the session, with 300 characters of its message", async () => {
  const both = session({
    onOpen: () => {
      throw new Error("x".repeat(1000));
    },
  });
  both.connection.receive(opening(2));
  const { details } = (await both.session.closed) as BangerError;
  expect(details["problem"]).toHaveLength(300);
});

test("bytes received before the session are read first", async () => {
  const opened: string[] = [];
  const connection = new FullConnection();
  const one = new Session(connection, { tag: 0, side: "host", onOpen: ({ verb }) => void opened.push(verb) });
  const whole = opening(2);
  one.start(whole.subarray(0, 1));
  connection.receive(whole.subarray(1));
  expect(opened).toEqual(["x"]);
});

/**
 * Every limit of a session, at the limit and one past it. The numbers are those of `protocol/agent.md`, written out here so that
 * a change in the code alone fails.
 */
import { describe, expect, test } from "bun:test";
import type { BangerError } from "../../base/errors/error.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "./client.ts";
import { encodeFrame, FrameDecoder } from "./frame.ts";
import { relayAgent } from "./relay.ts";
import type { ServedStream } from "./served.ts";
import { Session } from "./session.ts";
import { creditOf, data, delivered, RawPeer } from "./testing/raw.ts";
import { type AgentStream, FrameType, type Json } from "./types.ts";

const { Open, Reply, Event, Credit, Close, Ping, Pong, Notice } = FrameType;

const payload = 32_768;
const credit = 262_144;
const streams = 256;
const tooMuch = { code: "AGENT_PROTOCOL" };

type Guest = { client: ReturnType<typeof plainClient>; guest: RawPeer };

function pair(): Guest {
  const [connection, guestConnection] = memoryPair();
  return { client: plainClient(connection), guest: new RawPeer(guestConnection) };
}

async function openOne({ client, guest }: Guest): Promise<AgentStream> {
  const opening = client.open("exec", {});
  const { stream } = await guest.next(Open);
  guest.send(Reply, stream, { ok: true });
  const opened = await opening;
  opened.closed.catch(() => {});
  return opened;
}

/** Sends `bytes` on stream 1 in the largest frames. */
function fill(guest: RawPeer, channel: number, bytes: number, stream = 1): void {
  for (let left = bytes; left > 0; left -= payload)
    guest.send(data(channel), stream, new Uint8Array(Math.min(left, payload)));
}

/** Resolves when everything sent before was handled. */
async function isAlive({ client, guest }: Guest): Promise<void> {
  const ping = client.ping();
  guest.send(Pong, 0, (await guest.next(Ping)).payload);
  await ping;
}

/** bytes of data in the received frames */
function received(raw: RawPeer, channel: number): number {
  const frames = raw.seen.filter((frame) => frame.type === data(channel));
  return frames.reduce((bytes, frame) => bytes + frame.payload.length, 0);
}

/** The credit returned for a window, except the last part, which is too small for a frame. */
async function givenBack(raw: RawPeer): Promise<number> {
  const bytes = () =>
    raw.seen
      .filter((frame) => frame.type === Credit)
      .reduce((sum, frame) => sum + Buffer.from(frame.payload).readUInt32LE(1), 0);
  while (bytes() <= credit - credit / 4) await delivered();
  expect(bytes()).toBeLessThanOrEqual(credit);
  return bytes();
}

describe("a peer's data", () => {
  test.each([0, 1, 2])("a window on channel %i is kept, and a byte more ends the session", async (channel) => {
    const both = pair();
    await openOne(both);
    fill(both.guest, channel, credit);
    await isAlive(both);
    fill(both.guest, channel, 1);
    expect(await both.client.closed).toMatchObject(tooMuch);
    await both.guest.closed;
  });

  test("each channel has its own window", async () => {
    const both = pair();
    await openOne(both);
    for (const channel of [0, 1, 2]) fill(both.guest, channel, credit);
    await isAlive(both);
  });

  test("a single frame can't exceed the window either", async () => {
    const both = pair();
    await openOne(both);
    fill(both.guest, 1, credit - 1);
    both.guest.send(data(1), 1, new Uint8Array(2));
    expect(await both.client.closed).toMatchObject(tooMuch);
  });

  test("the peer can send as much as was returned, and not a byte more", async () => {
    const both = pair();
    const stream = await openOne(both);
    fill(both.guest, 1, credit);
    stream.onData(() => {});
    const more = await givenBack(both.guest);
    stream.onData(() => new Promise(() => {}));
    fill(both.guest, 1, more);
    await isAlive(both);
    fill(both.guest, 1, 1);
    expect(await both.client.closed).toMatchObject(tooMuch);
  });

  test("no credit is returned for data that was not taken", async () => {
    const both = pair();
    const stream = await openOne(both);
    stream.onData(() => new Promise(() => {}));
    fill(both.guest, 1, credit);
    await isAlive(both);
    expect(both.guest.seen.filter((frame) => frame.type === Credit)).toEqual([]);
  });
});

describe("our data", () => {
  test("one window is sent, and no more without credit", async () => {
    const both = pair();
    const stream = await openOne(both);
    void stream.write(0, new Uint8Array(credit + 100));
    await delivered();
    expect(received(both.guest, 0)).toBe(credit);
    both.guest.send(Credit, 1, creditOf(0, 99));
    await delivered();
    expect(received(both.guest, 0)).toBe(credit + 99);
  });

  test.each([
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
    [2, 0],
    [2, 1],
  ])(
    "credit for what was spent on channel %i is taken, and %i past it ends the session or not",
    async (channel, past) => {
      const both = pair();
      const stream = await openOne(both);
      await stream.write(channel, new Uint8Array(1000));
      both.guest.send(Credit, 1, creditOf(channel, 1000 + past));
      if (past === 0) await isAlive(both);
      else expect(await both.client.closed).toMatchObject(tooMuch);
    },
  );
});

describe("frames", () => {
  test("a payload can have 32 KiB; one byte more is refused by its header", () => {
    const largest = encodeFrame({ type: data(0), stream: 1, payload: new Uint8Array(payload) }, 0);
    const lengths: number[] = [];
    new FrameDecoder(0).push(largest, (frame) => void lengths.push(frame.payload.length));
    expect(lengths).toEqual([payload]);
    expect(() => encodeFrame({ type: data(0), stream: 1, payload: new Uint8Array(payload + 1) }, 0)).toThrow(
      RangeError,
    );
    const head = Buffer.alloc(9);
    head.writeUInt32LE(payload + 1);
    head[4] = data(0);
    expect(() => new FrameDecoder(0).push(head, () => {})).toThrow(expect.objectContaining(tooMuch));
  });

  test("a header that arrives byte by byte has the same limit", () => {
    const push = (length: number) => {
      const head = Buffer.alloc(9);
      head.writeUInt32LE(length);
      head[4] = data(0);
      const decoder = new FrameDecoder(0);
      for (const byte of head) decoder.push(Uint8Array.of(byte), () => {});
    };
    expect(() => push(payload)).not.toThrow();
    expect(() => push(payload + 1)).toThrow(expect.objectContaining(tooMuch));
  });
});

describe("what waits without flow control", () => {
  test.each([64, 65])("%i events without a listener", async (count) => {
    const both = pair();
    await openOne(both);
    for (let sent = 0; sent < count; sent++) both.guest.send(Event, 1, { event: "x" });
    if (count === 64) await isAlive(both);
    else expect(await both.client.closed).toMatchObject(tooMuch);
  });

  test.each([64, 65])("%i notices without a listener", async (count) => {
    const both = pair();
    for (let sent = 0; sent < count; sent++) both.guest.send(Notice, 0, { notice: "x" });
    if (count === 64) await isAlive(both);
    else expect(await both.client.closed).toMatchObject(tooMuch);
  });

  test.each([64, 65])("a PING of %i bytes", async (length) => {
    const both = pair();
    both.guest.send(Ping, 0, new Uint8Array(length));
    if (length === 64) expect((await both.guest.next(Pong)).payload).toHaveLength(64);
    else expect(await both.client.closed).toMatchObject(tooMuch);
  });
});

describe("streams", () => {
  test("256 can be open, and no more until one has ended", async () => {
    const both = pair();
    for (let id = 0; id < streams; id++) await openOne(both);
    const refusal = await both.client.open("exec", {}).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ details: { code: "limit" } });
    both.guest.send(Close, 1);
    await isAlive(both);
    expect(await openOne(both)).toBeDefined();
  });

  test("256 streams of the peer are served, and only the next is refused", async () => {
    const [connection, otherConnection] = memoryPair();
    const served: ServedStream[] = [];
    new Session(connection, { tag: 0, side: "agent", onOpen: (one) => void served.push(one) }).start();
    const other = new RawPeer(otherConnection);
    for (let at = 0; at < streams; at++) other.send(Open, 2 * at + 1, { verb: "exec" });
    await delivered();
    expect(served).toHaveLength(streams);
    expect(other.seen).toEqual([]);
    other.send(Open, 2 * streams + 1, { verb: "exec" });
    expect(await other.nextJson(Reply)).toMatchObject({ ok: false, error: { code: "limit" } });
    expect(served).toHaveLength(streams);
  });
});

describe("a relay", () => {
  async function relayed() {
    const [clientConnection, relayConnection] = memoryPair();
    const [upstreamConnection, guestConnection] = memoryPair();
    const upstream = plainClient(upstreamConnection);
    const over = relayAgent(relayConnection, upstream, { allow: ["exec"] });
    const [client, guest] = [new RawPeer(clientConnection), new RawPeer(guestConnection)];
    client.send(Open, 1, { verb: "exec" } satisfies Json);
    const { stream } = await guest.next(Open);
    guest.send(Reply, stream, { ok: true });
    await client.next(Reply);
    return { client, guest, upstream, over, stream };
  }

  test("a client can send the guest's window and its own; one byte more ends its session", async () => {
    const { client, guest, upstream, over, stream } = await relayed();
    fill(client, 0, credit);
    const more = await givenBack(client);
    expect(received(guest, 0)).toBe(credit);
    // the guest returns no credit, so this waits in the relay
    fill(client, 0, more);
    client.send(Ping, 0);
    await client.next(Pong);
    expect(received(guest, 0)).toBe(credit);
    fill(client, 0, 1);
    await over;
    await client.closed;
    // only that client's stream has ended
    expect((await guest.next(Close)).stream).toBe(stream);
    await isAlive({ client: upstream, guest });
  });

  test("a guest can send the client's window and the relay's; one byte more ends its session", async () => {
    const { client, guest, upstream, over, stream } = await relayed();
    fill(guest, 1, credit, stream);
    const more = await givenBack(guest);
    expect(received(client, 1)).toBe(credit);
    fill(guest, 1, more, stream);
    await isAlive({ client: upstream, guest });
    expect(received(client, 1)).toBe(credit);
    fill(guest, 1, 1, stream);
    expect((await upstream.closed) as BangerError).toMatchObject(tooMuch);
    await over;
  });
});

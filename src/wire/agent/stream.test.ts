/** The end of a stream: what is sent and delivered after one side has closed it, or after a listener threw. */
import { expect, test } from "bun:test";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "./client.ts";
import { protocolError } from "./frame.ts";
import type { ServedStream } from "./served.ts";
import { Session } from "./session.ts";
import { data, delivered, RawPeer } from "./testing/raw.ts";
import { type AgentStream, FrameType } from "./types.ts";

const { Open, Reply, Event, Credit, Close, Ping, Pong } = FrameType;
const x = Buffer.from("x");

/** A stream that we opened, and the guest that accepted it. */
async function opened() {
  const [connection, guestConnection] = memoryPair();
  const [client, guest] = [plainClient(connection), new RawPeer(guestConnection)];
  const opening = client.open("exec", {});
  await guest.next(Open);
  guest.send(Reply, 1, { ok: true });
  const stream = await opening;
  stream.closed.catch(() => {});
  const isAlive = async () => {
    const ping = client.ping();
    guest.send(Pong, 0, (await guest.next(Ping)).payload);
    await ping;
  };
  return { client, guest, stream, isAlive };
}

/** A stream that the peer opened, without a reply yet. */
async function offered() {
  const [connection, otherConnection] = memoryPair();
  const streams: ServedStream[] = [];
  new Session(connection, { tag: 0, side: "agent", onOpen: (one) => void streams.push(one) }).start();
  const other = new RawPeer(otherConnection);
  other.send(Open, 1, { verb: "exec" });
  await delivered();
  const [served] = streams;
  if (!served) throw new Error("it was not opened");
  served.stream.closed.catch(() => {});
  return { served, other };
}

async function sendsNothing(stream: AgentStream, guest: RawPeer): Promise<void> {
  void stream.write(0, x);
  stream.event({ event: "x" });
  stream.eof(1);
  await delivered();
  expect(guest.seen).toEqual([]);
}

test("after our CLOSE nothing is sent, not even credit for data that still arrives", async () => {
  const { stream, guest, isAlive } = await opened();
  let taken = 0;
  stream.onData((_channel, bytes) => {
    taken += bytes.length;
  });
  stream.close();
  await guest.next(Close);
  for (let frames = 0; frames < 8; frames++) guest.send(data(1), 1, new Uint8Array(32_768));
  await isAlive();
  expect(taken).toBe(262_144);
  await sendsNothing(stream, guest);
});

test("after the peer's CLOSE only our own CLOSE is sent", async () => {
  const { stream, guest } = await opened();
  const calls: string[] = [];
  (stream as unknown as { onClosing(listener: () => void): void }).onClosing(() => {
    calls.push("closing");
    void stream.write(0, x);
    stream.event({ event: "x" });
  });
  guest.send(Close, 1);
  await guest.next(Close);
  await sendsNothing(stream, guest);
  expect(calls).toEqual(["closing"]);
});

test("a stream whose listener threw is closed, and further frames on it are discarded", async () => {
  const { stream, guest, isAlive } = await opened();
  stream.onData(() => {
    throw new Error("full");
  });
  await delivered();
  guest.send(data(1), 1, x);
  await guest.next(Close);
  await expect(stream.closed).rejects.toMatchObject({ code: "AGENT_PROTOCOL" });
  // all of this would end the session on another stream
  for (let events = 0; events < 100; events++) guest.send(Event, 1, x);
  guest.send(Credit, 1);
  guest.send(data(1), 1);
  await isAlive();
  await sendsNothing(stream, guest);
});

test("such a stream is removed by the peer's CLOSE, not before", async () => {
  const { client, stream, guest, isAlive } = await opened();
  stream.onData(() => {
    throw new Error("full");
  });
  await delivered();
  guest.send(data(1), 1, x);
  await guest.next(Close);
  for (let more = 1; more < 256; more++) void client.open("exec", {}).catch(() => {});
  const full = client.open("exec", {});
  await expect(full).rejects.toMatchObject({ details: { code: "limit" } });
  guest.send(Event, 1, x);
  await isAlive();
  await expect(client.open("exec", {})).rejects.toMatchObject({ details: { code: "limit" } });
  guest.send(Close, 1);
  await isAlive();
  guest.seen.length = 0;
  void client.open("exec", {}).catch(() => {});
  await guest.next(Open);
});

test("a protocol error that a listener throws is not wrapped", async () => {
  const { stream, guest } = await opened();
  const error = protocolError("a strange thing");
  stream.onData(() => {
    throw error;
  });
  await delivered();
  guest.send(data(1), 1, x);
  expect(await stream.closed.catch((thrown: unknown) => thrown)).toBe(error);
});

test("a stream that was closed, or failed and closed, before its reply gets none", async () => {
  for (const fails of [false, true]) {
    const { served, other } = await offered();
    if (fails)
      served.stream.onEvent(() => {
        throw new Error("full");
      });
    await delivered();
    if (fails) other.send(Event, 1, {});
    other.send(Close, 1);
    await other.next(Close);
    await delivered();
    served.accept();
    await delivered();
    expect(other.seen).toEqual([]);
  }
});

test("a stream that the peer opened and closed ends once its data was taken", async () => {
  const { served, other } = await offered();
  let taken = 0;
  served.accept().onData((_channel, bytes) => {
    taken += bytes.length;
  });
  other.send(data(0), 1, x);
  other.send(Close, 1);
  await served.stream.closed;
  expect(taken).toBe(1);
});

test("the error names a second reply", async () => {
  const { client, guest } = await opened();
  guest.send(Reply, 1, { ok: true });
  expect(await client.closed).toMatchObject({ details: { problem: "a second reply" } });
});

test("late frames for ended streams of either side are ignored", async () => {
  const { client, guest, isAlive } = await opened();
  const second = client.open("exec", {});
  await guest.next(Open);
  guest.send(Reply, 3, { ok: false });
  await second.catch(() => {});
  guest.send(Open, 2, { verb: "x" });
  await guest.next(Reply);
  for (const id of [2, 3]) guest.send(Event, id, {});
  await isAlive();
});

test("a stream that we have closed, but the peer has not, still gets its reply", async () => {
  const { served, other } = await offered();
  served.stream.close();
  served.accept();
  expect((await other.next(Reply)).stream).toBe(1);
});

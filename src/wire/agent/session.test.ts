import { describe, expect, test } from "bun:test";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "./client.ts";
import { Session } from "./session.ts";
import { creditOf, data, delivered, eof, RawPeer } from "./testing/raw.ts";
import { type AgentStream, FrameType, initialCredit, type Json, maxPayload } from "./types.ts";

const { Open, Reply, Event, Credit, Close, Ping, Pong, Notice } = FrameType;
const ok = { ok: true };

function pair() {
  const [connection, guestConnection] = memoryPair();
  return { client: plainClient(connection, "devbox"), guest: new RawPeer(guestConnection) };
}

async function openOne(client: ReturnType<typeof plainClient>, guest: RawPeer, reply: Json = ok): Promise<AgentStream> {
  const opening = client.open("exec", { argv: ["x"] });
  const { stream } = await guest.next(Open);
  guest.send(Reply, stream, reply);
  return opening;
}

describe("opening", () => {
  test("ids are odd and increase; the request is the verb and its arguments", async () => {
    const { client, guest } = pair();
    const first = openOne(client, guest);
    expect((await first).reply).toEqual(ok);
    void client.open("stats", {}).catch(() => {});
    expect((await guest.next(Open)).stream).toBe(3);
  });

  test("the agent's are even, from 2", async () => {
    const [connection, hostConnection] = memoryPair();
    const agent = new Session(connection, { tag: 0, side: "agent" }).start();
    const host = new RawPeer(hostConnection);
    for (const id of [2, 4]) {
      void agent.open("dial", {}).catch(() => {});
      expect((await host.next(Open)).stream).toBe(id);
    }
    agent.destroy();
  });

  test("refusals become banger's errors, without control characters", async () => {
    const { client, guest } = pair();
    const refusal = (code: string, message = "no") => ({ ok: false, error: { code, message } });
    await expect(openOne(client, guest, refusal("not_found"))).rejects.toMatchObject({ code: "COMMAND_NOT_FOUND" });
    await expect(openOne(client, guest, refusal("not_executable"))).rejects.toMatchObject({
      code: "COMMAND_NOT_EXECUTABLE",
    });
    const other = openOne(client, guest, refusal("bad_cwd", "\u001b[31mno such folder"));
    await expect(other).rejects.toMatchObject({ code: "AGENT_REFUSED", details: { reason: "no such folder" } });
    const system = openOne(client, guest, refusal("io", "reading /x: ENOENT: No such file or directory (os error 2)"));
    await expect(system).rejects.toMatchObject({
      details: { reason: "reading /x: ENOENT: No such file or directory" },
    });
    await expect(openOne(client, guest, { ok: false })).rejects.toMatchObject({ code: "AGENT_REFUSED" });
    // refused streams have ended: late frames are ignored
    guest.send(Event, 1, {});
    await expect(openOne(client, guest)).resolves.toBeDefined();
  });

  test("without a reply in time the stream is closed, and the session survives late frames", async () => {
    for (const late of [[Close], [Reply, Close], [Reply]] as const) {
      const { client, guest } = pair();
      const slow = client.open("services", {}, { timeoutMs: 1 });
      await expect(slow).rejects.toMatchObject({ code: "AGENT_UNREACHABLE" });
      await guest.next(Open);
      expect((await guest.next(Close)).stream).toBe(1);
      const refused = late.length === 1;
      for (const type of late) guest.send(type, 1, type === Reply ? { ok: !refused } : {});
      expect(await openOne(client, guest)).toBeDefined();
    }
  });

  test("an aborted wait ends with the signal's reason and closes the stream", async () => {
    const { client, guest } = pair();
    const abort = new AbortController();
    const opening = client.open("services", {}, { signal: abort.signal });
    await guest.next(Open);
    abort.abort(new Error("enough"));
    await expect(opening).rejects.toThrow("enough");
    await guest.next(Close);
    await expect(client.open("exec", {}, { signal: abort.signal })).rejects.toThrow("enough");
  });

  test("at most 256 streams, and nothing larger than a frame", async () => {
    const { client } = pair();
    for (let i = 0; i < 256; i++) client.open("exec", {}).catch(() => {});
    await expect(client.open("exec", {})).rejects.toMatchObject({ code: "AGENT_REFUSED", details: { code: "limit" } });
    await expect(client.open("exec", { env: { K: "x".repeat(maxPayload) } })).rejects.toMatchObject({
      details: { code: "limit" },
    });
    client.destroy();
  });

  test("without onOpen, streams that the guest opens are refused", async () => {
    const { guest } = pair();
    guest.send(Open, 2, { verb: "dial" });
    expect(await guest.nextJson(Reply)).toMatchObject({ ok: false, error: { code: "unsupported" } });
  });
});

describe("data", () => {
  test("everything in one chunk with the reply is delivered in order, then the end", async () => {
    const { client, guest } = pair();
    const opening = client.open("exec", {});
    await guest.next(Open);
    guest.sendAll([
      [Reply, 1, ok],
      [data(1), 1, Buffer.from("hello ")],
      [data(1), 1, Buffer.from("world")],
      [data(2), 1, Buffer.from("!")],
      [eof(1), 1],
      [eof(2), 1],
      [Event, 1, { event: "exit", code: 0 }],
      [Close, 1],
    ]);
    const seen: string[] = [];
    // the caller sets listeners some promises later, as real ones do
    const stream = await (async () => await opening)();
    stream.onData((channel, bytes) => void seen.push(`${channel}:${Buffer.from(bytes)}`));
    stream.onEof((channel) => void seen.push(`eof ${channel}`));
    stream.onEvent((event) => void seen.push(String(event["event"])));
    await stream.closed;
    const text = seen.filter((line) => line.startsWith("1:")).map((line) => line.slice(2));
    expect(text.join("")).toBe("hello world");
    expect(seen.filter((line) => !line.startsWith("1:"))).toEqual(["eof 1", "2:!", "eof 2", "exit"]);
  });

  test("events wait for the data before them", async () => {
    const { client, guest } = pair();
    const stream = await openOne(client, guest);
    const { promise: taken, resolve: take } = Promise.withResolvers<void>();
    const seen: string[] = [];
    stream.onData(async () => {
      await taken;
      seen.push("data");
    });
    const { promise: done, resolve } = Promise.withResolvers<void>();
    stream.onEvent(() => {
      seen.push("event");
      resolve();
    });
    guest.sendAll([
      [data(1), 1, Buffer.from("x")],
      [Event, 1, { event: "exit", code: 0 }],
    ]);
    await delivered();
    expect(seen).toEqual([]);
    take();
    await done;
    expect(seen).toEqual(["data", "event"]);
  });

  test("a writer waits for credit, and sends as much as is returned", async () => {
    const { client, guest } = pair();
    const stream = await openOne(client, guest);
    let done = false;
    const writing = stream.write(0, new Uint8Array(initialCredit + 10))?.then(() => {
      done = true;
    });
    let got = 0;
    while (got < initialCredit) got += (await guest.next(data(0))).payload.length;
    await delivered();
    expect({ got, done, waiting: guest.seen.length }).toEqual({ got: initialCredit, done: false, waiting: 0 });
    guest.send(Credit, 1, creditOf(0, 4));
    expect((await guest.next(data(0))).payload.length).toBe(4);
    guest.send(Credit, 1, creditOf(0, 6));
    await writing;
    expect((await guest.next(data(0))).payload.length).toBe(6);
  });

  test("EOF is sent after earlier writes; nothing is sent after it", async () => {
    const { client, guest } = pair();
    const stream = await openOne(client, guest);
    void stream.write(0, Buffer.from("a"));
    stream.eof(0);
    await stream.write(0, Buffer.from("b"));
    stream.eof(0);
    stream.event({ event: "signal", signal: "INT" });
    await guest.next(Event);
    expect(guest.seen.map((frame) => frame.type)).toEqual([data(0), eof(0)]);
  });

  test("credit is returned when data was taken, not before", async () => {
    const { client, guest } = pair();
    const stream = await openOne(client, guest);
    const { promise: taken, resolve: take } = Promise.withResolvers<void>();
    stream.onData(() => taken);
    for (let i = 0; i < initialCredit / maxPayload; i++) guest.send(data(1), 1, new Uint8Array(maxPayload));
    await delivered();
    expect(guest.seen.filter((frame) => frame.type === Credit)).toEqual([]);
    take();
    let back = 0;
    // less than a quarter is not returned yet
    while (back <= (initialCredit * 3) / 4) back += Buffer.from((await guest.next(Credit)).payload).readUInt32LE(1);
    expect(back).toBeLessThanOrEqual(initialCredit);
  });

  test("many small frames that wait are merged into few buffers", async () => {
    const { client, guest } = pair();
    const stream = await openOne(client, guest);
    guest.sendAll(Array.from({ length: 5000 }, () => [data(1), 1, Buffer.from("ab")]));
    guest.sendAll([[eof(1), 1]]);
    await delivered();
    const pieces: number[] = [];
    const { promise: ended, resolve } = Promise.withResolvers<number>();
    stream.onData((_channel, bytes) => void pieces.push(bytes.length));
    stream.onEof(resolve);
    await ended;
    expect(pieces.reduce((sum, size) => sum + size, 0)).toBe(10_000);
    expect(pieces.length).toBeLessThan(5);
  });
});

describe("the end", () => {
  test("CLOSE with an error rejects `closed`; CLOSE is answered once", async () => {
    const { client, guest } = pair();
    const stream = await openOne(client, guest);
    guest.send(Close, 1, { error: { code: "io", message: "ENOSPC" } });
    await expect(stream.closed).rejects.toMatchObject({ code: "AGENT_REFUSED", details: { code: "io" } });
    await guest.next(Close);
    stream.close();
    await stream.write(0, Buffer.from("nobody wants this"));
    void client.ping().catch(() => {});
    await guest.next(Ping);
    expect(guest.seen).toEqual([]);
  });

  test("when the connection drops, everything that waits is rejected", async () => {
    const { client, guest } = pair();
    const stream = await openOne(client, guest);
    const waiting = Promise.allSettled([stream.closed, client.open("stats", {}), client.ping()]);
    const stuck = stream.write(0, new Uint8Array(initialCredit + 1));
    guest.connection.destroy();
    for (const one of await waiting) expect(one).toMatchObject({ reason: { code: "SESSION_LOST" } });
    await stuck;
    expect(await client.closed).toBeUndefined();
    await expect(client.open("stats", {})).rejects.toMatchObject({ code: "SESSION_LOST", details: { name: "devbox" } });
    await expect(client.ping()).rejects.toMatchObject({ code: "SESSION_LOST" });
  });

  test("ping, and notices, also those before the listener", async () => {
    const { client, guest } = pair();
    guest.send(Notice, 0, { notice: "up" });
    const ping = client.ping();
    const { payload } = await guest.next(Ping);
    guest.send(Pong, 0, payload);
    await ping;
    const notices: Json[] = [];
    client.onNotice((notice) => void notices.push(notice));
    expect(notices).toEqual([{ notice: "up" }]);
  });
});

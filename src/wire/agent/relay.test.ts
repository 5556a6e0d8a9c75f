import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "./client.ts";
import { type RelayOptions, relayAgent } from "./relay.ts";
import { type FakeAgentOptions, fakeAgent } from "./testing/fake.ts";
import { creditOf, data, delivered, eof, RawPeer } from "./testing/raw.ts";
import { type AgentClient, type AgentStream, FrameType, initialCredit, type Json, maxPayload } from "./types.ts";

const { Open, Reply, Event, Credit, Close, Ping } = FrameType;
const allow: RelayOptions = { allow: ["exec", "put"] };

/** client — relay — session — guest; the test plays client and guest */
function rawEnds(options = allow) {
  const [clientConnection, relayConnection] = memoryPair();
  const [upstreamConnection, guestConnection] = memoryPair();
  const upstream = plainClient(upstreamConnection);
  const over = relayAgent(relayConnection, upstream, options);
  return { client: new RawPeer(clientConnection), guest: new RawPeer(guestConnection), upstream, over };
}

function withFake(fake: FakeAgentOptions = {}, options = allow) {
  const [clientConnection, relayConnection] = memoryPair();
  const [upstreamConnection, guestConnection] = memoryPair();
  fakeAgent(guestConnection, { ...fake, plain: true });
  const upstream = plainClient(upstreamConnection);
  const over = relayAgent(relayConnection, upstream, options);
  return { client: plainClient(clientConnection, "devbox"), upstream, over };
}

/** Opens a stream through the relay that the guest accepts. @returns the ids on both sides */
async function joined(client: RawPeer, guest: RawPeer, id: number): Promise<number> {
  client.send(Open, id, { verb: "exec", argv: ["x"] });
  const { stream } = await guest.next(Open);
  guest.send(Reply, stream, { ok: true, pid: 7 });
  expect(await client.nextJson(Reply)).toEqual({ ok: true, pid: 7 });
  return stream;
}

describe("frames", () => {
  test("ids are rewritten; the request is forwarded unchanged", async () => {
    const { client, guest } = rawEnds();
    client.send(Open, 9, { verb: "exec", argv: ["x"], tty: { cols: 1, rows: 2 } });
    expect(await guest.nextJson(Open)).toEqual({ verb: "exec", argv: ["x"], tty: { cols: 1, rows: 2 } });
    client.send(Open, 11, { verb: "put" });
    expect((await guest.next(Open)).stream).toBe(3);
    guest.send(Reply, 3, { ok: true });
    expect((await client.next(Reply)).stream).toBe(11);
  });

  test("data, EOF, events and the end are forwarded in order", async () => {
    const { client, guest } = rawEnds();
    const above = await joined(client, guest, 5);
    client.sendAll([
      [data(0), 5, Buffer.from("in")],
      [eof(0), 5],
    ]);
    expect(Buffer.from((await guest.next(data(0))).payload).toString()).toBe("in");
    await guest.next(eof(0));
    client.send(Event, 5, { event: "signal", signal: "INT" });
    expect(await guest.nextJson(Event)).toEqual({ event: "signal", signal: "INT" });
    guest.sendAll([
      [data(1), above, Buffer.from("out")],
      [data(2), above, Buffer.from("err")],
      [eof(1), above],
      [eof(2), above],
      [Event, above, { event: "exit", code: 3 }],
      [Close, above],
    ]);
    const first = await client.next(Close);
    expect(first.stream).toBe(5);
    expect(client.seen.map((frame) => frame.type)).toEqual([data(1), eof(1), data(2), eof(2), Event].sort(byArrival));
  });

  test("refusals keep their code and message", async () => {
    const { client, guest } = rawEnds();
    for (const [index, code] of ["not_found", "not_executable", "bad_cwd"].entries()) {
      client.send(Open, index * 2 + 1, { verb: "exec", argv: ["x"] });
      const { stream } = await guest.next(Open);
      guest.send(Reply, stream, { ok: false, error: { code, message: "because" } });
      expect(await client.nextJson(Reply)).toMatchObject({ ok: false, error: { code } });
    }
  });

  test("CLOSE with an error is forwarded", async () => {
    const { client, guest } = rawEnds();
    guest.send(Close, await joined(client, guest, 1), { error: { code: "io", message: "ENOSPC" } });
    expect(await client.nextJson(Close)).toEqual({ error: { code: "io", message: "ENOSPC" } });
  });

  test("verbs that clients can't use are refused; the relay can change or refuse a request", async () => {
    const onOpen = (_verb: string, request: Json) => {
      if (request["user"] === "bad") throw new Error("no");
      return { ...request, env: { K: "V" } };
    };
    const { client, guest } = rawEnds({ ...allow, onOpen });
    client.send(Open, 1, { verb: "identity", generation: 9 });
    expect(await client.nextJson(Reply)).toMatchObject({ error: { code: "unsupported" } });
    client.send(Open, 3, { verb: "exec", user: "bad" });
    expect(await client.nextJson(Reply)).toMatchObject({ ok: false });
    client.send(Open, 5, { verb: "exec", argv: ["x"] });
    expect(await guest.nextJson(Open)).toEqual({ verb: "exec", argv: ["x"], env: { K: "V" } });
  });
});

const order = [data(1), data(2), eof(1), eof(2), Event];
/** both channels are independent; the session's tests check the rest */
function byArrival(a: number, b: number): number {
  return order.indexOf(a) - order.indexOf(b);
}

describe("the end of one side", () => {
  test("when the client's connection drops, only its streams in the guest are closed", async () => {
    const { client, guest, upstream, over } = rawEnds();
    const own = upstream.open("stats", {});
    guest.send(Reply, (await guest.next(Open)).stream, { ok: true });
    const stream = await own;
    const above = await joined(client, guest, 1);
    client.connection.destroy();
    expect((await guest.next(Close)).stream).toBe(above);
    await over;
    stream.event({ event: "still here" });
    await guest.next(Event);
    expect(guest.seen).toEqual([]);
  });

  test("a client that disconnects while its stream is being opened leaves nothing", async () => {
    const { client, guest, over } = rawEnds();
    client.send(Open, 1, { verb: "exec", argv: ["x"] });
    const { stream } = await guest.next(Open);
    client.connection.destroy();
    await over;
    expect((await guest.next(Close)).stream).toBe(stream);
  });

  test("a client that gives up before the reply closes the guest's stream", async () => {
    const { client, guest } = rawEnds();
    client.send(Open, 1, { verb: "exec", argv: ["x"] });
    const { stream } = await guest.next(Open);
    client.send(Close, 1);
    expect((await guest.next(Close)).stream).toBe(stream);
    await client.next(Close);
    guest.send(Reply, stream, { ok: true });
    guest.send(Close, stream);
    await joined(client, guest, 3);
    expect(client.seen).toEqual([]);
  });

  test("the end of the session with the guest ends the client's", async () => {
    const { client, guest, over } = rawEnds();
    await joined(client, guest, 1);
    guest.connection.destroy();
    await over;
    await client.closed;
    const [connection, relayConnection] = memoryPair();
    const dead = plainClient(memoryPair()[0]);
    dead.destroy();
    await relayAgent(relayConnection, dead, allow);
    await new RawPeer(connection).closed;
  });

  test("a client that violates the protocol loses only its own session", async () => {
    const { client, guest, upstream, over } = rawEnds();
    await joined(client, guest, 1);
    client.send(data(1), 99, Buffer.from("x"));
    await over;
    await guest.next(Close);
    const ping = upstream.ping();
    guest.send(FrameType.Pong, 0, (await guest.next(Ping)).payload);
    await ping;
  });

  test("a reply that becomes too large for a frame when it is encoded again is refused", async () => {
    const { client, guest } = rawEnds();
    client.send(Open, 1, { verb: "exec" });
    const numbers = Buffer.from(`{"ok":true,"x":[${Array(6000).fill("1e20").join(",")}]}`);
    guest.send(Reply, (await guest.next(Open)).stream, numbers);
    expect(await client.nextJson(Reply)).toMatchObject({ ok: false, error: { code: "limit" } });
    await guest.next(Close);
  });
});

test("onResumable reports whether all open streams of a client can be resumed", async () => {
  const reported: boolean[] = [];
  const { client, guest } = rawEnds({ allow: ["exec", "resume"], onResumable: (value) => void reported.push(value) });
  const open = async (id: number, verb: string, reply: Json) => {
    client.send(Open, id, { verb });
    const { stream } = await guest.next(Open);
    guest.send(Reply, stream, { ok: true, ...reply });
    await client.next(Reply);
    return stream;
  };
  const close = async (stream: number) => {
    guest.send(Close, stream);
    await client.next(Close);
    await delivered();
  };
  const first = await open(1, "exec", { pid: 1, resumable: true });
  const second = await open(3, "exec", { pid: 2 });
  expect(reported).toEqual([true, false]);
  await close(second);
  const third = await open(5, "resume", { stdin: 0, signals: 0 });
  expect(reported).toEqual([true, false, true, true]);
  await close(first);
  await close(third);
  expect(reported.slice(4)).toEqual([true, false]);
});

describe("flow", () => {
  test("at most one window waits in the relay: credit is returned only for data that the client took", async () => {
    const { client, guest } = rawEnds();
    const above = await joined(client, guest, 1);
    let credit: number = initialCredit;
    /** sends until there is no credit left and none is returned */
    const sendAll = async () => {
      let sent = 0;
      while (credit >= maxPayload) {
        guest.send(data(1), above, new Uint8Array(maxPayload));
        sent += maxPayload;
        credit -= maxPayload;
        if (credit < maxPayload) await delivered();
        for (const { payload } of guest.seen.splice(0)) credit += Buffer.from(payload).readUInt32LE(1);
      }
      return sent;
    };
    // the client returns no credit: the relay can forward only its window
    const sent = await sendAll();
    expect(sent).toBeGreaterThan(initialCredit);
    expect(sent).toBeLessThanOrEqual(initialCredit * 2);
    client.send(Credit, 1, creditOf(1, initialCredit));
    await delivered();
    for (const { payload } of guest.seen.splice(0)) credit += Buffer.from(payload).readUInt32LE(1);
    expect(await sendAll()).toBeGreaterThan(0);
    expect(client.seen.reduce((sum, { payload }) => sum + payload.length, 0)).toBe(initialCredit * 2);
  });

  test("64 MiB through stdin and back arrive unchanged", async () => {
    const { client } = withFake();
    const { sent, got } = await echo(client, 64 * 1024 * 1024);
    expect(got).toBe(sent);
  }, 20_000);

  test("a slow reader slows the writer, and loses nothing", async () => {
    const { client } = withFake();
    const { sent, got } = await echo(client, 2 * 1024 * 1024, () => delivered());
    expect(got).toBe(sent);
  }, 20_000);
});

/** Random bytes through `cat`; sha256 on both sides. */
async function echo(
  client: AgentClient,
  total: number,
  pause?: () => Promise<void>,
): Promise<{ sent: string; got: string }> {
  const stream: AgentStream = await client.open("exec", { argv: ["cat"] });
  const got = createHash("sha256");
  stream.onData(async (_channel, bytes) => {
    got.update(bytes);
    await pause?.();
  });
  const sent = createHash("sha256");
  const block = crypto.getRandomValues(new Uint8Array(65_536));
  for (let at = 0; at < total; at += block.length) {
    block[0] = at / block.length;
    sent.update(block);
    await stream.write(0, block);
  }
  stream.eof(0);
  await stream.closed;
  return { sent: sent.digest("hex"), got: got.digest("hex") };
}

describe("data of a guest that can't be forwarded", () => {
  const tooLong = Buffer.from(`{"event":"x","n":[${Array(8000).fill("1e9").join(",")}]}`);

  test.each(["with the reply", "later"])(
    "an event that is too long when it is encoded again (%s) ends only its stream",
    async (when) => {
      const { client, guest, upstream } = rawEnds();
      client.send(Open, 5, { verb: "exec", argv: ["x"] });
      const { stream } = await guest.next(Open);
      const reply = Buffer.from('{"ok":true}');
      if (when === "with the reply")
        guest.sendAll([
          [Reply, stream, reply],
          [Event, stream, tooLong],
        ]);
      else {
        guest.send(Reply, stream, { ok: true });
        await client.next(Reply);
        guest.sendAll([[Event, stream, tooLong]]);
      }
      const close = await client.next(Close);
      expect(close.stream).toBe(5);
      expect(Buffer.from(close.payload).toString()).toContain('"code":"protocol"');
      expect((await guest.next(Close)).stream).toBe(stream);
      // the rest of it is skipped, and the session continues
      guest.sendAll([
        [data(1), stream, Buffer.from("late")],
        [Event, stream, tooLong],
        [Close, stream],
      ]);
      client.send(Open, 7, { verb: "exec", argv: ["y"] });
      expect((await guest.next(Open)).stream).toBe(stream + 2);
      upstream.destroy();
    },
  );

  test("a verb as long as a frame gets a refusal that fits in a frame", async () => {
    const { client, over } = rawEnds();
    client.send(Open, 5, { verb: "v".repeat(32_000) });
    expect(await client.nextJson(Reply)).toMatchObject({ ok: false, error: { code: "unsupported" } });
    void over;
  });
});

test("a stream that the guest accepts after its client has gone is closed", async () => {
  const [clientConnection, relayConnection] = memoryPair();
  const accepted = Promise.withResolvers<AgentStream>();
  const asked = Promise.withResolvers<void>();
  // accepts although the wait for it was aborted
  const upstream = {
    open: () => {
      asked.resolve();
      return accepted.promise;
    },
    closed: new Promise<void>(() => {}),
  } as unknown as AgentClient;
  const over = relayAgent(relayConnection, upstream, allow);
  const client = new RawPeer(clientConnection);
  client.send(Open, 1, { verb: "exec" });
  await asked.promise;
  client.connection.destroy();
  await over;
  const closed = Promise.withResolvers<void>();
  const listened: string[] = [];
  accepted.resolve({
    reply: {},
    close: () => closed.resolve(),
    closed: closed.promise,
    onData: () => void listened.push("data"),
    onEof: () => void listened.push("eof"),
    onEvent: () => void listened.push("event"),
  } as unknown as AgentStream);
  await closed.promise;
  expect(listened).toEqual([]);
});

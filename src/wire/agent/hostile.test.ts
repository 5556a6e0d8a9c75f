/** A guest that violates the protocol: its session ends with AGENT_PROTOCOL, and nothing else happens. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../../base/testing/budget.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "./client.ts";
import { creditOf, data, delivered, eof, RawPeer } from "./testing/raw.ts";
import { FrameType, initialCredit, type Json, maxPayload } from "./types.ts";

const { Hello, Open, Reply, Event, Credit, Close, Ping, Pong, Notice } = FrameType;

type Sent = [type: number, stream: number, payload?: Uint8Array | Json];

const x = Buffer.from("x");
const opened: Sent = [Reply, 1, { ok: true }];
const full: Sent[] = Array.from({ length: initialCredit / maxPayload }, () => [data(1), 1, new Uint8Array(maxPayload)]);

const lies: Record<string, Sent[]> = {
  "a second HELLO": [[Hello, 0, { protocol: 1 }]],
  "DATA on the session itself": [[data(0), 0, x]],
  "OPEN of the session itself": [[Open, 0, { verb: "x" }]],
  "an even id of ours": [[Open, 1, { verb: "x" }]],
  "an id that falls": [
    [Open, 4, { verb: "x" }],
    [Open, 2, { verb: "x" }],
  ],
  "an id that comes twice": [
    [Open, 2, { verb: "x" }],
    [Open, 2, { verb: "x" }],
  ],
  "OPEN without a verb": [[Open, 2, { verb: 7 }]],
  "OPEN that is not JSON": [[Open, 2, Buffer.from("{")]],
  "a reply to nothing": [[Reply, 7, { ok: true }]],
  "a frame for a stream that they never opened": [[Event, 8, {}]],
  "a frame for our next stream": [[Event, 3, {}]],
  "data before the reply": [[data(1), 1, x]],
  "CLOSE before the reply": [[Close, 1]],
  "a second reply": [opened, opened],
  "a reply that is an array": [[Reply, 1, Buffer.from("[]")]],
  "a reply that is not UTF-8": [[Reply, 1, Buffer.from('{"ok":"\xff"}', "latin1")]],
  "empty DATA": [opened, [data(1), 1]],
  "more data than credit": [opened, ...full, [data(1), 1, x]],
  "data after EOF": [opened, [eof(1), 1], [data(1), 1, x]],
  "a second EOF": [opened, [eof(1), 1], [eof(1), 1]],
  "65 events at once": [opened, ...Array.from({ length: 65 }, (): Sent => [Event, 1, {}])],
  "65 notices without a listener": Array.from({ length: 65 }, (): Sent => [Notice, 0, {}]),
  "an event that is not an object": [opened, [Event, 1, Buffer.from("3")]],
  "credit that was not spent": [opened, [Credit, 1, creditOf(0, 1)]],
  "credit for channel 3": [opened, [Credit, 1, creditOf(3, 0)]],
  "credit of no bytes": [opened, [Credit, 1]],
  "CLOSE with a malformed reason": [opened, [Close, 1, x]],
  "credit of 6 bytes": [opened, [Credit, 1, Buffer.concat([creditOf(0, 0), x])]],
  "credit of 4 bytes": [opened, [Credit, 1, creditOf(0, 0).subarray(0, 4)]],
  "a long PING": [[Ping, 0, new Uint8Array(65)]],
};

describe("the session ends at", () => {
  for (const [name, frames] of Object.entries(lies)) {
    test(name, async () => {
      const [connection, guestConnection] = memoryPair();
      const client = plainClient(connection);
      const guest = new RawPeer(guestConnection);
      const opening = client.open("exec", {});
      opening.catch(() => {});
      await guest.next(Open);
      guest.sendAll(frames);
      expect(await client.closed).toMatchObject({ code: "AGENT_PROTOCOL" });
      await guest.closed;
      await opening.then(
        (stream) => expect(stream.closed).rejects.toMatchObject({ code: "SESSION_LOST" }),
        (error) => expect(error).toMatchObject({ code: "SESSION_LOST" }),
      );
    });
  }
});

test("late frames for ended streams are ignored", async () => {
  const [connection, guestConnection] = memoryPair();
  const client = plainClient(connection);
  const guest = new RawPeer(guestConnection);
  const opening = client.open("exec", {});
  await guest.next(Open);
  guest.sendAll([opened, [Close, 1], [data(1), 1, x], [Event, 1, {}], [Pong, 0], [Close, 1]]);
  await (await opening).closed;
  const ping = client.ping();
  guest.send(Pong, 0, (await guest.next(Ping)).payload);
  await ping;
});

test("the session with a guest that never reads but causes replies is ended", async () => {
  const [connection, guestConnection] = memoryPair();
  const client = plainClient(connection);
  const flood = new RawPeer(guestConnection);
  guestConnection.pause();
  const pings: Sent[] = Array.from({ length: 2000 }, () => [Ping, 0, new Uint8Array(64)]);
  let over = false;
  void client.closed.then(() => {
    over = true;
  });
  for (let i = 0; i < 200 && !over; i++) {
    flood.sendAll(pings);
    await delivered();
  }
  expect(await client.closed).toMatchObject({ code: "AGENT_PROTOCOL" });
});

const anyFrame = fc.tuple(
  fc.constantFrom(1, 2, 3, 4, 5, 6, 7, 8, 9, 0x10, 0x11, 0x12, 0x20, 0x21, 0x22),
  fc.constantFrom(0, 1, 2, 3, 4, 5),
  fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom<Json>({ ok: true }, { ok: false }, { verb: "x" }, { event: "exit" }, { error: 1 }),
    fc.constantFrom(creditOf(0, 0), creditOf(1, 1), creditOf(9, 9)),
  ),
);

test(
  "any order of any frames: only the session suffers, and every wait ends",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 30 }), async (frames) => {
        const [connection, guestConnection] = memoryPair();
        const client = plainClient(connection);
        const guest = new RawPeer(guestConnection);
        const using = [client.open("exec", {}), client.open("put", {})].map((opening) => use(opening));
        guest.sendAll(frames);
        guest.connection.end();
        const why = await client.closed;
        if (why) expect(why).toMatchObject({ code: "AGENT_PROTOCOL" });
        await Promise.all(using);
      }),
      { numRuns: runs(300) },
    );
  },
  patience,
);

async function use(opening: ReturnType<ReturnType<typeof plainClient>["open"]>): Promise<void> {
  try {
    const stream = await opening;
    stream.onData(() => {});
    stream.onEvent(() => {});
    await stream.write(0, x);
    stream.eof(0);
    await stream.closed;
  } catch (error) {
    expect(error).toMatchObject({ name: "BangerError" });
  }
}

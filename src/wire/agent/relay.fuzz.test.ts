/** A client that sends anything: the session with the guest, which others use too, continues. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../../base/testing/budget.ts";
import { strangeFrames } from "../../base/testing/strange.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "./client.ts";
import { relayAgent } from "./relay.ts";
import { fakeAgent } from "./testing/fake.ts";
import { creditOf, RawPeer } from "./testing/raw.ts";
import { FrameType, type Json } from "./types.ts";

const requests = fc.constantFrom<Json>(
  { verb: "exec", argv: ["cat"] },
  { verb: "exec", argv: ["true"] },
  { verb: "exec", argv: ["sleep"] },
  { verb: "exec", argv: "cat" },
  { verb: "put", path: "/x" },
  { verb: "stats" },
  { event: "signal", signal: "INT" },
);

const anyFrame = fc.tuple(
  fc.oneof(
    { weight: 2, arbitrary: fc.constant(2) },
    { weight: 3, arbitrary: fc.constantFrom(0x10, 0x20, 4, 5, 6, 7, 9, 3) },
  ),
  fc.constantFrom(1, 1, 1, 3, 5, 0, 2),
  fc.oneof(
    requests,
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.constant(creditOf(1, 0)),
    fc.constant(Buffer.alloc(0)),
  ),
);

test(
  "a client sends anything",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 20 }), fc.boolean(), async (frames, isCut) => {
        const [clientConnection, relayConnection] = memoryPair();
        const [upstreamConnection, guestConnection] = memoryPair();
        fakeAgent(guestConnection, { plain: true });
        const upstream = plainClient(upstreamConnection);
        const { notices, listeners } = noticeBoard();
        const over = relayAgent(relayConnection, upstream, { allow: ["exec", "put"], notices });
        const client = new RawPeer(clientConnection);
        for (const frame of frames) {
          client.sendAll([frame]);
          for (const send of listeners) send({ notice: "vm", state: "paused", text: "no room" });
        }
        if (isCut) clientConnection.destroy();
        else clientConnection.end();
        await over;
        expect(listeners.size).toBe(0);
        await upstream.ping();
        const { reply } = await upstream.open("stats", {});
        expect(reply["ok"]).toBe(true);
        upstream.destroy();
      }),
      { numRuns: runs(150) },
    );
  },
  patience,
);

/** Where the daemon puts what it has to tell the clients of a VM. */
function noticeBoard() {
  const listeners = new Set<(notice: Json) => void>();
  const notices = (send: (notice: Json) => void) => {
    listeners.add(send);
    return () => void listeners.delete(send);
  };
  return { notices, listeners };
}

const { Reply, Event, Close, Notice } = FrameType;
const strange = fc.constantFrom(...strangeFrames);
const fields = ["event", "code", "number", "signal", "ok", "error", "pid", "notice", "why", "x"];
const strangeJson = fc
  .array(fc.tuple(fc.constantFrom(...fields), strange), { minLength: 1, maxLength: 3 })
  .map((pairs) => Buffer.from(`{${pairs.map(([name, value]) => `"${name}":${value}`).join(",")}}`));
const guestFrame = fc.tuple(
  fc.constantFrom(Event, Event, Reply, Close, Notice, 0x11, 0x21),
  fc.oneof(strangeJson, fc.constant(Buffer.from(`{"event":"x","n":[${Array(8000).fill("1e9").join(",")}]}`))),
);

/** No exception may reach the top of the process: the test runner reports it as a failure. */
test(
  "a guest sends anything on a relayed stream",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(guestFrame, { maxLength: 12 }), async (frames) => {
        const [clientConnection, relayConnection] = memoryPair();
        const [upstreamConnection, guestConnection] = memoryPair();
        const upstream = plainClient(upstreamConnection);
        const { notices, listeners } = noticeBoard();
        // what a guest announces goes to nobody but the daemon
        upstream.onNotice((notice) => void Object.keys(notice));
        const over = relayAgent(relayConnection, upstream, { allow: ["exec"], notices });
        const client = plainClient(clientConnection);
        const guest = new RawPeer(guestConnection);
        const opening = client.open("exec", { argv: ["x"] });
        const { stream } = await guest.next(FrameType.Open);
        guest.sendAll([[Reply, stream, Buffer.from('{"ok":true}')], ...frames.map(placed(stream))]);
        const opened = await opening.catch(() => null);
        guestConnection.end();
        await opened?.closed.catch(() => {});
        client.destroy();
        await over;
        expect(listeners.size).toBe(0);
        const why = await upstream.closed;
        if (why) expect(why).toMatchObject({ code: "AGENT_PROTOCOL" });
      }),
      { numRuns: runs(60) },
    );
  },
  patience,
);

/** Notices are the session's own. */
function placed(stream: number) {
  return ([type, payload]: [number, Uint8Array]): [number, number, Uint8Array] => [
    type,
    type === Notice ? 0 : stream,
    payload,
  ];
}

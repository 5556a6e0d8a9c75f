/** The daemon's own commands in a guest that can answer anything. */
import { expect, test } from "bun:test";
import { strangeFrames } from "../../base/testing/strange.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "../../wire/agent/client.ts";
import { RawPeer } from "../../wire/agent/testing/raw.ts";
import { FrameType } from "../../wire/agent/types.ts";
import { runOnce } from "./run-once.ts";

const { Open, Reply, Event, Close } = FrameType;
const ctx = { timings: { servicesMs: 5_000 }, after: () => () => {} } as unknown as Parameters<typeof runOnce>[0];

async function statusAfter(exit: string): Promise<number | null> {
  const [line, other] = memoryPair();
  const client = plainClient(line);
  const guest = new RawPeer(other);
  const running = runOnce(ctx, client, ["true"], new AbortController().signal);
  const { stream } = await guest.next(Open);
  guest.sendAll([
    [Reply, stream, Buffer.from('{"ok":true}')],
    [Event, stream, Buffer.from(exit)],
    [Close, stream, new Uint8Array()],
  ]);
  const status = await running;
  client.destroy();
  return status;
}

test("a status is a number from 0 to 255", async () => {
  expect(await statusAfter('{"event":"exit","code":0}')).toBe(0);
  expect(await statusAfter('{"event":"exit","code":255}')).toBe(255);
});

test.each(strangeFrames.filter((text) => text !== "1"))("anything else is not a success (%#)", async (value) => {
  expect(await statusAfter(`{"event":"exit","code":${value}}`)).toBe(255);
});

import { expect, test } from "bun:test";
import { Inbox } from "./inbox.ts";
import { delivered } from "./testing/raw.ts";

const window = 262_144;
/** the smallest amount of credit that is returned: a quarter of the window */
const step = 65_536;

function inbox(isOpener = false) {
  const credits: number[] = [];
  const failures: unknown[] = [];
  const one = new Inbox(
    (_channel, bytes) => void credits.push(bytes),
    (error) => void failures.push(error),
    isOpener,
  );
  return { inbox: one, credits, failures };
}

test("credit is returned in quarters of the window", async () => {
  const { inbox: one, credits } = inbox();
  one.onData(() => {});
  await delivered();
  one.data(1, new Uint8Array(step - 1));
  expect(credits).toEqual([]);
  one.data(1, new Uint8Array(1));
  expect(credits).toEqual([step]);
});

test.each([
  [step, []],
  [step - 1, [1]],
])("with %i bytes of the window left, one byte that was taken gives back %j", async (left, expected) => {
  const { inbox: one, credits } = inbox();
  const taken: (() => void)[] = [];
  one.onData(() => new Promise((resolve) => void taken.push(resolve)));
  await delivered();
  one.data(1, new Uint8Array(1));
  one.data(1, new Uint8Array(window - left - 1));
  taken[0]?.();
  await delivered();
  expect(credits).toEqual(expected);
});

test("no credit is returned for a channel that has ended", async () => {
  const { inbox: one, credits } = inbox();
  one.data(1, new Uint8Array(window));
  one.eof(1);
  one.onData(() => {});
  await delivered();
  expect(credits).toEqual([]);
});

test("the end is reported once everything on every channel was taken", async () => {
  const { inbox: one } = inbox();
  const seen: string[] = [];
  const first = Promise.withResolvers<void>();
  one.data(0, Uint8Array.of(1));
  one.data(1, Uint8Array.of(1));
  one.onData((channel) => {
    seen.push(`data ${channel}`);
    return channel === 0 ? first.promise : undefined;
  });
  one.end(() => void seen.push("end"));
  await delivered();
  expect(seen).toEqual(["data 0", "data 1"]);
  first.resolve();
  await delivered();
  expect(seen).toEqual(["data 0", "data 1", "end"]);
});

test("data without a listener counts as taken at the end, on every channel", async () => {
  const { inbox: one } = inbox();
  const seen: string[] = [];
  one.data(0, Uint8Array.of(1));
  one.data(1, Uint8Array.of(1));
  one.eof(1);
  one.onEof((channel) => void seen.push(`eof ${channel}`));
  one.event({});
  one.end(() => void seen.push("end"));
  await delivered();
  expect(seen).toEqual(["eof 1", "end"]);
});

test("an opener's stream ends after it has had a turn to set listeners", async () => {
  const { inbox: one } = inbox(true);
  const seen: string[] = [];
  one.data(0, Uint8Array.of(1));
  one.onData(() => void seen.push("data"));
  one.end(() => void seen.push("end"));
  await delivered();
  expect(seen).toEqual(["data"]);
  one.event({});
  one.onEvent(() => void seen.push("event"));
  one.listenersAreSet();
  await delivered();
  expect(seen).toEqual(["data", "event", "end"]);
});

test("data that waits is copied, so that it does not keep its chunk alive", async () => {
  for (const isBusy of [false, true]) {
    const { inbox: one } = inbox();
    const seen: number[] = [];
    const first = Promise.withResolvers<void>();
    if (isBusy) one.onData(() => first.promise);
    await delivered();
    if (isBusy) one.data(1, Uint8Array.of(1));
    const chunk = Uint8Array.of(7);
    one.data(1, chunk);
    chunk.fill(8);
    one.onData((_channel, data) => void seen.push(...data));
    first.resolve();
    await delivered();
    expect(seen).toEqual([7]);
  }
});

test("data that does not wait is delivered without a copy", async () => {
  const { inbox: one } = inbox();
  const seen: Uint8Array[] = [];
  one.onData((_channel, data) => void seen.push(data));
  await delivered();
  const chunk = Uint8Array.of(7);
  one.data(1, chunk);
  expect(seen[0]?.buffer).toBe(chunk.buffer);
});

test.each([0, 1, 2])("channel %i exists", (channel) => {
  const { inbox: one } = inbox();
  one.data(channel, Uint8Array.of(1));
  one.eof(channel);
});

test("there is no channel 3", () => {
  const { inbox: one } = inbox();
  const refused = expect.objectContaining({ code: "AGENT_PROTOCOL", message: expect.stringContaining("channel 3") });
  expect(() => one.data(3, Uint8Array.of(1))).toThrow(refused);
  expect(() => one.eof(3)).toThrow(refused);
});

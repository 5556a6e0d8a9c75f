import { expect, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import { memoryPair } from "./memory-pair.ts";

const turn = () => new Promise((resolve) => setImmediate(resolve));

test("each end reads a copy of what the other wrote, kept until there is a listener", async () => {
  const [a, b] = memoryPair();
  const chunk = Buffer.from("one");
  a.write(chunk);
  chunk.fill("x");
  await turn();
  const seen: string[] = [];
  b.onData((bytes) => void seen.push(Buffer.from(bytes).toString()));
  a.write(Buffer.from("two"));
  await turn();
  expect(seen).toEqual(["one", "two"]);
});

test("back-pressure: false above the mark, drained when it was read", async () => {
  const [a, b] = memoryPair();
  let sent = 0;
  while (a.write(new Uint8Array(65_536))) sent++;
  expect(sent).toBeGreaterThan(0);
  let isDrained = false;
  const drained = a.drained().then(() => {
    isDrained = true;
  });
  await turn();
  expect(isDrained).toBe(false);
  b.onData(() => {});
  await drained;
  await a.drained();
});

test("pause and resume", async () => {
  const [a, b] = memoryPair();
  let got = 0;
  b.onData(() => {
    got++;
    b.pause();
  });
  a.write(Uint8Array.of(1));
  a.write(Uint8Array.of(2));
  await turn();
  expect(got).toBe(1);
  b.resume();
  await turn();
  expect(got).toBe(2);
});

test("half close: the end comes after the data, the other direction continues; when both have ended, both close", async () => {
  const [a, b] = memoryPair();
  const seen: string[] = [];
  const closed = [new Deferred<Error | undefined>(), new Deferred<Error | undefined>()];
  a.onClose((error) => closed[0]?.resolve(error));
  b.onClose((error) => closed[1]?.resolve(error));
  a.onData(() => void seen.push("a data"));
  a.onEnd(() => void seen.push("a end"));
  b.onData(() => void seen.push("b data"));
  b.onEnd(() => void seen.push("b end"));
  a.write(Uint8Array.of(1));
  a.end();
  expect(a.write(Uint8Array.of(9))).toBe(true);
  await turn();
  b.write(Uint8Array.of(2));
  b.end();
  expect(await Promise.all(closed.map((one) => one.promise))).toEqual([undefined, undefined]);
  expect(seen).toEqual(["b data", "b end", "a data", "a end"]);
});

test("destroy closes both; each listener is called once, also one that was set late", async () => {
  const [a, b] = memoryPair();
  let told = 0;
  b.onData(() => {});
  b.onClose(() => told++);
  a.write(Uint8Array.of(1));
  a.destroy(new Error("why"));
  a.destroy();
  b.destroy();
  await turn();
  expect(told).toBe(1);
  const late = new Deferred<Error | undefined>();
  a.onClose((error) => late.resolve(error));
  expect((await late.promise)?.message).toBe("why");
  await a.drained();
});

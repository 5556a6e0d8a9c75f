import { describe, expect, test } from "bun:test";
import { AsyncQueue, Deferred, orAborted, pause, whenAborted, withTimeout } from "./async.ts";

async function collect<T>(queue: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of queue) items.push(item);
  return items;
}

test("a queue delivers what was pushed before and after the reader started, in order", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  const all = collect(queue);
  await Promise.resolve();
  queue.push(2);
  queue.push(3);
  queue.end();
  expect(await all).toEqual([1, 2, 3]);
});

test("a queue over its limit drops and reports it, and accepts items again once there is room", async () => {
  const queue = new AsyncQueue<number>(1);
  expect(queue.push(1)).toBe(true);
  expect(queue.push(2)).toBe(false);
  const iterator = queue[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toBe(1);
  expect(queue.push(3)).toBe(true);
});

test("a queue that ends with an error delivers its items first", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  queue.end(new Error("cut"));
  expect(queue.push(2)).toBe(false);
  const iterator = queue[Symbol.asyncIterator]();
  expect((await iterator.next()).value).toBe(1);
  expect(iterator.next()).rejects.toThrow("cut");
});

test("withTimeout passes on a result or an error, and fails when the work is late", async () => {
  const late = () => new Error("late");
  expect(await withTimeout(Promise.resolve(1), 1000, late)).toBe(1);
  expect(withTimeout(Promise.reject(new Error("bad")), 1000, late)).rejects.toThrow("bad");
  expect(withTimeout(new Deferred<void>().promise, 1, late)).rejects.toThrow("late");
});

test("orAborted rejects with the signal's reason, also when it was already aborted", async () => {
  const abort = new AbortController();
  const waiting = orAborted(new Deferred<void>().promise, abort.signal);
  abort.abort(new Error("enough"));
  expect(waiting).rejects.toThrow("enough");
  expect(orAborted(Promise.resolve(1), abort.signal)).rejects.toThrow("enough");
  expect(await orAborted(Promise.resolve(1), new AbortController().signal)).toBe(1);
});

test("whenAborted resolves at the abort and after it", async () => {
  const abort = new AbortController();
  const aborted = whenAborted(abort.signal);
  abort.abort();
  await aborted;
  await whenAborted(abort.signal);
});

describe("pause", () => {
  const timer = () => {
    const asked: { ms: number; run: () => void; isCancelled: boolean }[] = [];
    const after = (ms: number, run: () => void) => {
      const one = { ms, run, isCancelled: false };
      asked.push(one);
      return () => {
        one.isCancelled = true;
      };
    };
    return { asked, after };
  };

  test("ends with its time", async () => {
    const { asked, after } = timer();
    const paused = pause(after, 50, new AbortController().signal);
    expect(asked).toMatchObject([{ ms: 50 }]);
    asked[0]?.run();
    await paused;
  });

  test("ends when it is aborted, and cancels its timer", async () => {
    const { asked, after } = timer();
    const stop = new AbortController();
    const paused = pause(after, 50, stop.signal);
    stop.abort();
    await paused;
    expect(asked).toMatchObject([{ isCancelled: true }]);
    await pause(after, 50, stop.signal);
    expect(asked).toHaveLength(1);
  });

  test("leaves no listener with a signal that outlives it", async () => {
    const listeners = new Set<unknown>();
    const { signal } = new AbortController();
    signal.addEventListener = (_: string, listener: unknown) => void listeners.add(listener);
    signal.removeEventListener = (_: string, listener: unknown) => void listeners.delete(listener);
    const { asked, after } = timer();
    const paused = pause(after, 50, signal);
    expect(listeners.size).toBe(1);
    asked[0]?.run();
    await paused;
    expect(listeners.size).toBe(0);
  });
});

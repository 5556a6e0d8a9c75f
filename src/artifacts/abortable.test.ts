import { expect, test } from "bun:test";
import { abortable } from "./abortable.ts";

const silent: AsyncIterable<number> = {
  [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: () => new Promise(() => {}) }),
};

test("items pass, and the end", async () => {
  const source = async function* () {
    yield 1;
    yield 2;
  };
  expect(await Array.fromAsync(abortable(source(), new AbortController().signal))).toEqual([1, 2]);
});

test("an abort ends it while the source is silent", async () => {
  const cancel = new AbortController();
  const read = Array.fromAsync(abortable(silent, cancel.signal));
  cancel.abort(new Error("no longer wanted"));
  await expect(read).rejects.toThrow("no longer wanted");
});

test("a source that is left early is ended", async () => {
  let ended = false;
  const source = async function* () {
    try {
      for (;;) yield 1;
    } finally {
      ended = true;
    }
  };
  for await (const _ of abortable(source(), new AbortController().signal)) break;
  expect(ended).toBe(true);
});

import { expect, test } from "bun:test";
import { Deferred } from "./async.ts";
import { Semaphore } from "./semaphore.ts";

const never = new AbortController().signal;

test("as many run at once as there are slots, the others in their order", async () => {
  const semaphore = new Semaphore(2);
  const gates = [0, 1, 2, 3].map(() => new Deferred<void>());
  const begun: number[] = [];
  const all = gates.map((gate, index) =>
    semaphore.run(never, async () => {
      begun.push(index);
      await gate.promise;
    }),
  );
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  gates[1]?.resolve();
  await all[1];
  gates[0]?.resolve();
  await all[0];
  for (const gate of gates) gate.resolve();
  await Promise.all(all);
  expect(begun).toEqual([0, 1, 2, 3]);
});

test("a caller that gives up while waiting takes no slot; a failure releases its slot", async () => {
  const semaphore = new Semaphore(1);
  const gate = new Deferred<void>();
  const first = semaphore.run(never, () => gate.promise);
  const stop = new AbortController();
  const second = semaphore.run(stop.signal, async () => "never");
  stop.abort(new Error("given up"));
  await expect(second).rejects.toThrow("given up");
  gate.reject(new Error("broken"));
  await expect(first).rejects.toThrow("broken");
  expect(await semaphore.run(never, async () => "third")).toBe("third");
});

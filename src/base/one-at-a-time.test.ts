import { expect, test } from "bun:test";
import { Deferred } from "./async.ts";
import { oneAtATime } from "./one-at-a-time.ts";

test("calls during a run lead to one more run, which begins after all of them", async () => {
  const runs: Deferred<void>[] = [];
  const again = oneAtATime(() => {
    const run = new Deferred<void>();
    runs.push(run);
    return run.promise;
  });
  const over = again();
  for (let call = 0; call < 1000; call++) void again();
  expect(runs.length).toBe(1);
  runs[0]?.reject(new Error("no luck"));
  await new Promise(setImmediate);
  expect(runs.length).toBe(2);
  runs[1]?.resolve();
  await over;
  expect(runs.length).toBe(2);
  void again();
  expect(runs.length).toBe(3);
});

import { expect, test } from "bun:test";
import { Deferred } from "../base/async.ts";
import { fakeClock } from "../host/testing/clock.ts";
import { Checks } from "./checks.ts";

/** Time passes only from one planned look to the next. */
function planned(results: (boolean | Error)[]) {
  const clock = fakeClock();
  const failures: unknown[] = [];
  let timer: { ms: number; run: () => void } | null = null;
  let looked = new Deferred<void>();
  const begun: number[] = [];
  const checks = new Checks({
    async check() {
      begun.push(clock.monotonic());
      queueMicrotask(() => setImmediate(() => looked.resolve()));
      const result = results.shift() ?? false;
      if (result instanceof Error) throw result;
      return result;
    },
    failed: (error) => void failures.push(error),
    clock,
    after(ms, run) {
      timer = { ms, run };
      return () => {
        timer = null;
      };
    },
  });
  return {
    checks,
    failures,
    begun,
    waits: () => timer?.ms ?? null,
    async elapse() {
      const { ms, run } = timer ?? { ms: 0, run: () => looked.resolve() };
      timer = null;
      looked = new Deferred();
      clock.advance(ms);
      run();
      await looked.promise;
    },
  };
}

test("a burst of changes is one look, soon after the first", async () => {
  const { checks, begun, elapse, waits } = planned([]);
  for (let count = 0; count < 10; count++) checks.request();
  expect(waits()).toBe(50);
  await elapse();
  expect(begun).toEqual([50]);
  expect(waits()).toBeNull();
});

test("the next look is a second after the last", async () => {
  const { checks, elapse, waits } = planned([]);
  checks.request();
  await elapse();
  checks.request();
  expect(waits()).toBe(1000);
});

test("a change during a look leads to another one", async () => {
  let ask = () => {};
  const clock = fakeClock();
  const waits: number[] = [];
  const runs: (() => void)[] = [];
  const checks = new Checks({
    check: async () => {
      ask();
      return false;
    },
    failed() {},
    clock,
    after(ms, run) {
      waits.push(ms);
      runs.push(run);
      return () => {};
    },
  });
  ask = () => checks.request();
  checks.request();
  runs.shift()?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(waits).toEqual([50, 1000]);
});

test("where something is taken away again and again, looks become rarer, up to a minute; then as before", async () => {
  const { checks, elapse, waits } = planned([...Array<boolean>(8).fill(true), false]);
  const seen: (number | null)[] = [];
  for (let look = 0; look < 10; look++) {
    checks.request();
    seen.push(waits());
    await elapse();
  }
  expect(seen).toEqual([50, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000, 1000]);
});

test("a look that fails is reported, and is no end", async () => {
  const { checks, elapse, failures, waits } = planned([new Error("no nft")]);
  checks.request();
  await elapse();
  expect(failures).toHaveLength(1);
  checks.request();
  expect(waits()).toBe(2000);
});

test("after the stop there is none", async () => {
  const { checks, waits } = planned([]);
  checks.request();
  checks.stop();
  checks.request();
  expect(waits()).toBeNull();
});

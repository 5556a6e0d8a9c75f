import { expect, test } from "bun:test";
import fc from "fast-check";
import { maxForwarded } from "../../model/ports.ts";
import { type Held, lingerMs, planForwards } from "./plan.ts";

const held = (port: number, seenAt: number): Held => ({ port, seenAt });
const ports = (count: number, first = 1000) => Array.from({ length: count }, (_, at) => first + at);

test("what begins to listen is opened, lowest first", () => {
  expect(planForwards([], [3000, 22, 8080], 0)).toEqual({ open: [22, 3000, 8080], close: [], left: 0, againMs: null });
});

test("what has stopped stays open for a while, and is planned again when that is over", () => {
  expect(planForwards([held(3000, 100)], [], 400)).toEqual({ open: [], close: [], left: 0, againMs: lingerMs - 300 });
  expect(planForwards([held(3000, 100)], [], 100 + lingerMs)).toEqual({
    open: [],
    close: [3000],
    left: 0,
    againMs: null,
  });
});

test("a port that flaps is neither opened nor closed", () => {
  for (let now = 0; now < 10_000; now += lingerMs / 2) {
    const listening = (now / lingerMs) % 1 === 0 ? [3000] : [];
    expect(planForwards([held(3000, now - lingerMs / 2)], listening, now)).toMatchObject({ open: [], close: [] });
  }
});

test("more than the limit are left out, and don't push out what is open", () => {
  const { open, left } = planForwards([], ports(10_000, 1), 0);
  expect([open.length, open.at(-1), left]).toEqual([maxForwarded, maxForwarded, 10_000 - maxForwarded]);
  const full = ports(maxForwarded, 2000).map((port) => held(port, 0));
  const plan = planForwards(full, [...ports(maxForwarded, 2000), 80], 5);
  expect(plan).toEqual({ open: [], close: [], left: 1, againMs: null });
});

test("a port that is closed makes room at once", () => {
  const full = ports(maxForwarded, 2000).map((port) => held(port, 0));
  const plan = planForwards(full, [...ports(maxForwarded - 1, 2000), 80], lingerMs);
  expect(plan).toMatchObject({ open: [80], close: [2000 + maxForwarded - 1], left: 0 });
});

test("whatever a guest reports: what is open is bounded, and is what listens or has just stopped", () => {
  const port = fc.integer({ min: 1, max: 200 });
  fc.assert(
    fc.property(fc.array(fc.uniqueArray(port, { maxLength: 150 }), { maxLength: 20 }), (reports) => {
      const open = new Map<number, number>();
      reports.forEach((listening, at) => {
        const now = at * 400;
        for (const one of listening) if (open.has(one)) open.set(one, now);
        const plan = planForwards(
          [...open].map(([one, seenAt]) => held(one, seenAt)),
          listening,
          now,
        );
        for (const one of plan.close) open.delete(one);
        for (const one of plan.open) open.set(one, now);
        expect(open.size).toBeLessThanOrEqual(maxForwarded);
        for (const [one, seenAt] of open) expect(listening.includes(one) || now - seenAt < lingerMs).toBe(true);
        const missing = listening.filter((one) => !open.has(one)).length;
        expect(missing).toBe(plan.left);
        if (missing > 0) expect(open.size).toBe(maxForwarded);
      });
    }),
  );
});

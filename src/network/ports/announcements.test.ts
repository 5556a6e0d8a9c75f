import { expect, test } from "bun:test";
import { maxForwarded } from "../../model/ports.ts";
import { Announcements, quietMs } from "./announcements.ts";

test("nothing is announced before the first session, nor what listened then", () => {
  const all = new Announcements();
  expect([all.announce(22, 0), all.announce(3000, 0), all.isService(3000)]).toEqual([false, false, true]);
  all.begin([22]);
  expect([all.announce(22, 1), all.announce(3000, 1)]).toEqual([false, true]);
  expect([all.isService(22), all.isService(3000)]).toEqual([true, false]);
});

test("a later session changes nothing", () => {
  const all = new Announcements();
  all.begin([22]);
  all.begin([22, 3000]);
  expect(all.announce(3000, 0)).toBe(true);
});

test("a port is news once in a while", () => {
  const all = new Announcements();
  all.begin([]);
  const said = [0, 1, quietMs - 1, quietMs, quietMs + 1].map((now) => all.announce(3000, now));
  expect(said).toEqual([true, false, false, true, false]);
});

test("only so many are announced, and those again", () => {
  const all = new Announcements();
  all.begin([]);
  const said = Array.from({ length: 1000 }, (_, at) => all.announce(1000 + at, at)).filter(Boolean).length;
  expect(said).toBe(maxForwarded);
  expect([all.announce(1000, quietMs * 2), all.announce(5000, quietMs * 2)]).toEqual([true, false]);
});

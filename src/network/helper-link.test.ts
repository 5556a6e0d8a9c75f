import { expect, test } from "bun:test";
import { memoryLogger } from "../host/testing/log.ts";
import { createHelperLink } from "./helper-link.ts";
import { FakeHelper } from "./testing/fake-helper.ts";

/** A link whose timers wait for `next`. */
function linked(fake: FakeHelper) {
  const timers: { ms: number; run: () => void }[] = [];
  const log = memoryLogger();
  let sent = 0;
  const link = createHelperLink({
    connect: () => fake.connect(1000),
    async sendAll(helper) {
      await helper.ensureNat();
      sent += 1;
    },
    after(ms, run) {
      const timer = { ms, run };
      timers.push(timer);
      return () => void (timers.includes(timer) && timers.splice(timers.indexOf(timer), 1));
    },
    log,
  });
  const next = () => {
    const timer = timers.shift();
    timer?.run();
    return timer?.ms;
  };
  return { link, timers, next, log, sent: () => sent };
}

/** Lets everything that is under way go on. */
const settle = () => Bun.sleep(1);

test("it opens at once, and sends everything before anybody gets it", async () => {
  const { link, sent } = linked(new FakeHelper());
  const helper = await link.get();
  expect([sent(), link.current() === helper, (await link.get()) === helper]).toEqual([1, true, true]);
});

test("a helper that is away is an error that names the way out, and is tried again, less and less often", async () => {
  const fake = new FakeHelper();
  fake.isAway = true;
  const { link, next, log, sent } = linked(fake);
  await expect(link.get()).rejects.toMatchObject({
    code: "NETWORK_FAILED",
    message: expect.stringContaining("ECONNREFUSED"),
    hint: expect.stringContaining("run `sudo banger system restart`"),
  });
  const pauses: (number | undefined)[] = [];
  for (let tries = 0; tries < 7; tries++) {
    pauses.push(next());
    await settle();
  }
  expect(pauses).toEqual([200, 400, 800, 1600, 3200, 5000, 5000]);
  expect(log.lines.filter((line) => line.includes("can't be used"))).toHaveLength(1);
  fake.isAway = false;
  next();
  await settle();
  expect([sent(), link.current() !== null]).toEqual([1, true]);
});

test("a connection that is lost is made anew, and everything sent again", async () => {
  const fake = new FakeHelper();
  const { link, next, sent } = linked(fake);
  await link.get();
  fake.end();
  await settle();
  expect(link.current()).toBeNull();
  expect(next()).toBe(200);
  await settle();
  expect([sent(), link.current() !== null]).toEqual([2, true]);
});

test("who asks while it is lost does not wait for the timer", async () => {
  const fake = new FakeHelper();
  const { link, timers, sent } = linked(fake);
  await link.get();
  fake.end();
  await settle();
  await link.get();
  expect([sent(), timers]).toEqual([2, []]);
});

test("one that takes not everything is not open", async () => {
  const fake = new FakeHelper();
  fake.refusals.set("nat.ensure", { kind: "failed", message: "nft: no such file" });
  const { link, timers } = linked(fake);
  await expect(link.get()).rejects.toMatchObject({
    code: "NETWORK_FAILED",
    message: expect.stringContaining("nft: no such file"),
  });
  expect([link.current(), timers.length]).toEqual([null, 1]);
});

test("closed, it stays closed", async () => {
  const fake = new FakeHelper();
  const { link, timers } = linked(fake);
  const helper = await link.get();
  link.close();
  expect(await helper.closed).toBe("it was closed");
  await settle();
  expect([link.current(), timers]).toEqual([null, []]);
});

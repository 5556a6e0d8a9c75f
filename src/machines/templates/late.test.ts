/** Templates that were saved before their services were up. */
import { expect, test } from "bun:test";
import type { Host } from "../testing/daemon.ts";
import type { GuestBehaviour } from "../testing/guest.ts";
import { services, setUp } from "../testing/saving.ts";
import { assertTruth } from "../testing/truth.ts";

const boots = ({ world }: Host) => [...world.vmms.values()].filter(({ from }) => from === null).length;
const failed = (...names: string[]) => ({ services: { ok: true, state: "degraded", failed: names } });
const asksForTimeouts = (argv: unknown) => (argv as string[]).join(" ").includes("Result");

const timedOut: Partial<GuestBehaviour> = {
  ...failed("slow.service"),
  onExec: (argv) => (asksForTimeouts(argv) ? 0 : true),
};
const brokenItself: Partial<GuestBehaviour> = {
  ...failed("broken.service"),
  onExec: (argv) => (asksForTimeouts(argv) ? 1 : true),
};
const late: Partial<GuestBehaviour> = { services: null };

const once = "this template is used once, and made anew for the next VM";

test.each([
  ["are late", late, "the guest's services are not up after 0 s"],
  ["timed out", timedOut, "services timed out in the guest (slow.service)"],
] as const)("a template whose services %s is used for one start, and made anew", async (_what, behaviour, said) => {
  const { host, world, machines, run, texts } = await setUp();
  const good = { ...world.guest };
  Object.assign(world.guest, behaviour);
  expect((await run("one")).startedHow).toStartWith("restored from template");
  expect(texts()).toContain(`${said}: ${once}`);
  await machines.idle();
  expect(machines.templates()).toEqual([]);
  assertTruth(host, "used once");
  world.guest = good;
  await run("two");
  await run("three");
  expect(boots(host)).toBe(2);
  await machines.idle();
  expect(machines.templates()).toHaveLength(1);
  assertTruth(host, "made anew");
});

test.each([late, timedOut])(
  "the second template whose services are late is kept: that is how the image is",
  async (b) => {
    const { host, world, machines, run, texts } = await setUp();
    Object.assign(world.guest, b);
    for (const name of ["one", "two", "three"]) expect((await run(name)).startedHow).toStartWith("restored");
    expect(boots(host)).toBe(2);
    expect(texts().filter((text) => text.endsWith("the template is kept as it is"))).toHaveLength(1);
    await machines.idle();
    expect(machines.templates()).toMatchObject([{ uses: 2 }]);
    assertTruth(host, "kept");
  },
);

test("a unit that fails in itself is the image's normal state", async () => {
  const { world, host, machines, run, texts } = await setUp();
  Object.assign(world.guest, brokenItself);
  await run("one");
  await run("two");
  expect([boots(host), machines.templates().length]).toEqual([1, 1]);
  expect(texts()).toContain("services that failed in the guest: broken.service");
});

test("two VMs that wait for a late template both start from it", async () => {
  const { world, host, machines, run } = await setUp();
  Object.assign(world.guest, late);
  const both = await Promise.all([run("one"), run("two")]);
  expect(both.map(({ startedHow }) => startedHow?.split(" ")[0])).toEqual(["restored", "restored"]);
  expect(boots(host)).toBe(1);
  await machines.idle();
  assertTruth(host, "both of one");
});

test("`template warm` makes it again, and keeps the second", async () => {
  const { world, host, machines, emit, signal } = await setUp();
  Object.assign(world.guest, late);
  const made = await machines.warmTemplate({ ephemeral: false }, emit, signal);
  expect(boots(host)).toBe(2);
  await machines.idle();
  expect(machines.templates().map(({ key }) => key)).toEqual([made.key]);
  assertTruth(host, "warmed");
  await machines.create({ name: "one", ephemeral: false }, services, emit, signal);
  expect(boots(host)).toBe(2);
});

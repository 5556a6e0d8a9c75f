/** VMs with a TAP interface: each restored copy has its own. */
import { afterAll, expect, test } from "bun:test";
import { savePaths } from "../../model/paths.ts";
import type { NetDevice } from "../driver.ts";
import { workBench } from "../testing/subject.ts";
import { makeFakeHost } from "./testing/fake-host.ts";

const host = makeFakeHost("fc-tap");
afterAll(() => host.remove());
const { boot, restore, limit } = workBench(host.subject());

const tap = (name: string): NetDevice => ({ kind: "tap", name, mac: "02:00:00:00:00:01" });
const refused = (name: string) => ({
  code: "VMM_START_FAILED",
  message: expect.stringContaining(`Invalid TUN/TAP Backend provided by ${name}.`),
});

test("a VM boots with its TAP interface, and its copies are restored with theirs", async () => {
  host.set({ taps: ["bgr-one", "bgr-two"] });
  const spec = await host.spec({ net: tap("bgr-one") });
  const vm = await boot(undefined, spec);
  const files = savePaths((await host.spec()).directory);
  const save = { record: await vm.save(files, limit()), files };
  expect(host.driver().savedNetwork(save.record)).toBe("tap");
  await vm.kill();
  // what it was saved with is attached to another program
  host.set({ taps: ["bgr-two"] });
  const { id, directory } = await host.spec();
  const copy = await restore(save, { ...spec, id, directory, net: tap("bgr-two") });
  await copy.kill();
  await expect(
    host.driver().restore(save, { ...spec, id, directory, net: tap("bgr-six") }, limit()),
  ).rejects.toMatchObject({ code: "VMM_START_FAILED", message: expect.stringContaining("Open tap device failed") });
  await expect(host.driver().restore(save, { ...spec, id, directory, net: null }, limit())).rejects.toMatchObject({
    code: "SAVE_OTHER_DEVICES",
  });
});

test("a TAP interface that can't be had ends the start, with Firecracker's words", async () => {
  host.set({ taps: [] });
  const spec = await host.spec({ net: tap("bgr-none") });
  await expect(host.driver().boot(spec, limit())).rejects.toMatchObject(refused("bgr-none"));
});

test("a device that Firecracker has not is a bug", async () => {
  const spec = await host.spec({ net: { kind: "stream", socket: "/s", mac: "02:00:00:00:00:01" } });
  await expect(host.driver().boot(spec, limit())).rejects.toThrow(RangeError);
});

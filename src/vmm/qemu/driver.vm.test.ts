import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { gate } from "../../host/testing/gate.ts";
import { driverContract } from "../driver.contract.ts";
import { endContract } from "../end.contract.ts";
import { saveContract } from "../save.contract.ts";
import { realSubject } from "../testing/real-subject.ts";
import { type TinyVms, tinyVms } from "../testing/tiny-vm.ts";

describe.skipIf(gate("vm") !== null)("on real VMs", () => {
  let vms: TinyVms;
  beforeAll(async () => {
    vms = await tinyVms("qemu");
  }, 300_000);
  afterAll(() => vms.remove());

  const subject = realSubject(() => vms, { hasNetDevice: true, canReset: true });
  test("an emulated VM that is paused uses no CPU time", async () => {
    const driver = vms.driver();
    const probe = await driver.probe();
    if (probe.usable && probe.accel === "kvm") return;
    const vm = await driver.boot(await vms.spec(), AbortSignal.timeout(60_000));
    const { pid } = vm.record.process;
    const isStopped = () => readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\) /, "")[0] === "T";
    // each of its threads has to meet the signal
    const stopped = async () => {
      while (!isStopped()) await new Promise(setImmediate);
    };
    try {
      await vm.pause();
      await stopped();
      await vm.resume();
      expect(isStopped()).toBe(false);
      await vm.pause();
      await stopped();
      const found = await vms.driver().adopt(vm.record);
      await found?.pause();
      await stopped();
      found?.release();
    } finally {
      await vm.kill();
    }
  });
  driverContract("qemu", subject);
  saveContract("qemu", subject);
  const net = { kind: "builtin", mac: "02:00:00:00:00:01" } as const;
  endContract("qemu with its own network", { ...subject, spec: () => vms.spec({ net }), exchange: null });
});

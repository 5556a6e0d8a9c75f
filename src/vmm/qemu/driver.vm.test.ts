import { afterAll, beforeAll, describe } from "bun:test";
import { writeFile } from "node:fs/promises";
import { isAlive, signalProcess } from "../../host/process.ts";
import { gate } from "../../host/testing/gate.ts";
import { driverContract } from "../driver.contract.ts";
import { guestShell } from "../testing/guest-shell.ts";
import { type TinyVms, tinyVms } from "../testing/tiny-vm.ts";

describe.skipIf(gate("vm") !== null)("on real VMs", () => {
  let vms: TinyVms;
  beforeAll(async () => {
    vms = await tinyVms("qemu");
  }, 300_000);
  afterAll(() => vms.remove());

  driverContract("qemu", {
    driver: () => vms.driver(),
    spec: () => vms.spec(),
    async brokenSpec() {
      const spec = await vms.spec();
      const vmlinux = `${spec.directory}/vmlinux`;
      await writeFile(vmlinux, "no kernel at all\n".repeat(1000));
      return { ...spec, vmlinux };
    },
    isAlive,
    killProcess: (process) => void signalProcess(process, "SIGKILL"),
    panic: async (_vm, agent) => void (await guestShell(agent, "echo c > /proc/sysrq-trigger").catch(() => {})),
    print: async (_vm, agent, text) => void (await guestShell(agent, `echo '${text}' > /dev/console`)),
    timeoutMs: 60_000,
  });
});

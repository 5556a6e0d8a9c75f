import { afterAll, beforeAll, describe } from "bun:test";
import { writeFile } from "node:fs/promises";
import { isAlive, signalProcess } from "../../host/process.ts";
import { gate } from "../../host/testing/gate.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import { driverContract } from "../driver.contract.ts";
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
    panic: async (_vm, agent) => shell(agent, "echo c > /proc/sysrq-trigger").catch(() => {}),
    print: (_vm, agent, text) => shell(agent, `echo '${text}' > /dev/console`),
    timeoutMs: 60_000,
  });
});

async function shell(agent: AgentClient, line: string): Promise<void> {
  if (agent.hello?.phase === "boot") await identified(agent);
  const stream = await agent.open("exec", { argv: ["/bin/sh", "-c", line] });
  stream.eof(0);
  await stream.closed;
}

/** Commands run once the guest has its identity. */
async function identified(agent: AgentClient): Promise<void> {
  const up = new Promise<void>((resolve) => agent.onNotice((notice) => notice["notice"] === "up" && resolve()));
  await agent.open("identity", { generation: 1, hostname: "tiny" });
  await up;
}

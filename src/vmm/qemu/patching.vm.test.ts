/** Kernels patch their own code at run time, when a rarely used feature is turned on. */
import { describe, expect, test } from "bun:test";
import { gate } from "../../host/testing/gate.ts";
import { connectAgent } from "../../wire/agent/client.ts";
import { guestShell } from "../testing/guest-shell.ts";
import { tinyVms } from "../testing/tiny-vm.ts";

/** `sched_schedstats` is a static key of the scheduler: each change patches code that every context switch runs. */
const patching = `
  (while :; do /bin/true; done) & busy=$!
  i=0
  while [ $i -lt 400 ]; do
    echo 1 > /proc/sys/kernel/sched_schedstats; echo 0 > /proc/sys/kernel/sched_schedstats
    i=$((i + 1))
  done
  kill $busy; echo patched`;

describe.skipIf(gate("vm") !== null)("a guest with two CPUs", () => {
  test("does not freeze when its kernel patches code that the other CPU runs", async () => {
    const vms = await tinyVms("patch");
    const vm = await vms.driver().boot({ ...(await vms.spec()), vcpu: 2 }, AbortSignal.timeout(60_000));
    try {
      const { stream, resync } = await vm.agent();
      const agent = await connectAgent(stream, { resync, timeoutMs: 60_000 });
      expect(await guestShell(agent, patching)).toEndWith("patched\n");
      await agent.ping();
    } finally {
      await vm.kill();
      vms.remove();
    }
  }, 120_000);
});

import { expect, test } from "bun:test";
import { newHost, recorder, startDaemon } from "../testing/daemon.ts";
import { assertTruth } from "../testing/truth.ts";

test("a VM whose VMM can't run it any further fails with the end of the VMM's log", async () => {
  const host = newHost();
  const machines = await startDaemon(host);
  const { emit, signal } = recorder();
  await machines.create({ name: "web", ephemeral: false }, { wait: "agent" }, emit, signal);
  const waiting = machines.waitForEnd("web", signal);
  host.world.paths.set(`/s/vms/${machines.find("web").id}/vmm.log`, "KVM internal error\u001b[1m\nEAX=0\n");
  host.world.living()[0]?.guest.end({ kind: "vmm-died", reason: "QEMU can't run the guest any further" });
  const { state, failure } = await waiting;
  expect([state, failure?.log]).toEqual(["failed", ["KVM internal error", "EAX=0"]]);
  await machines.idle();
  assertTruth(host, "an internal error");
});

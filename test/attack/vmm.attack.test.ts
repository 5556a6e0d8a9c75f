/**
 * A guest that has taken over its VMM: an attacker's system calls are made inside a real, confined VMM, or inside a program that the
 * driver has started in its place. Runs as an ordinary user; as root if Yama prevents users from tracing their own processes.
 */
import { afterAll, beforeAll } from "bun:test";
import { makeTempFolder } from "../../src/vmm/testing/temp.ts";
import { fileAttacks } from "./file-attacks.ts";
import { kernelAttacks } from "./kernel-attacks.ts";
import { processAttacks } from "./process-attacks.ts";
import { attackTests } from "./report.ts";
import { roomAttacks } from "./room-attacks.ts";
import { type Scene, setScene, type Target } from "./scene.ts";
import { type Machine, subjects } from "./subjects.ts";
import { attackSuite } from "./suite.ts";

for (const subject of subjects) {
  attackSuite(`${subject.name}, taken over`, [...subject.needs, "tool:cc", "tracing"], () => {
    const folder = makeTempFolder("attack");
    let machine: Machine;
    let scene: Scene;
    beforeAll(async () => {
      machine = await subject.machine();
      scene = await setScene(targetOf(machine), folder.path);
    }, 300_000);
    afterAll(async () => {
      await scene?.end();
      machine?.remove();
      folder.remove();
    });

    const there = () => scene;
    attackTests(subject.name, [
      ...fileAttacks(there),
      ...roomAttacks(there),
      ...processAttacks(there),
      ...kernelAttacks(there),
      ...subject.attacks(there, folder.path),
    ]);
    subject.allowed?.(there);
  });
}

function targetOf({ driver, spec }: Machine): Target {
  const images = spec.blockDevices.filter((disk) => disk.readOnly).map((disk) => disk.path);
  return {
    directory: spec.directory,
    readable: [spec.vmlinux, spec.initramfs, ...images],
    async start() {
      const vm = await driver.boot(spec, AbortSignal.timeout(60_000));
      return { pid: vm.record.process.pid, ended: vm.wait(), end: () => vm.kill() };
    },
  };
}

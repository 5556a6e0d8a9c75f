/**
 * A guest that has taken over its VMM: an attacker's system calls are made inside a real, confined QEMU. Runs as an ordinary
 * user; as root if Yama prevents users from tracing their own processes.
 */
import { afterAll, beforeAll, describe } from "bun:test";
import { gate } from "../../src/host/testing/gate.ts";
import { makeTempFolder } from "../../src/vmm/testing/temp.ts";
import { type TinyVms, tinyVms } from "../../src/vmm/testing/tiny-vm.ts";
import { fileAttacks } from "./file-attacks.ts";
import { kernelAttacks } from "./kernel-attacks.ts";
import { networkAttacks } from "./network-attacks.ts";
import { processAttacks } from "./process-attacks.ts";
import { attackTests } from "./report.ts";
import { roomAttacks } from "./room-attacks.ts";
import { type Scene, setScene, type Target } from "./scene.ts";
import { threadAttacks } from "./thread-attacks.ts";
import { reasonAgainstTracing } from "./tracing.ts";

const reason = gate("vm") ?? gate("tool:cc") ?? reasonAgainstTracing();

describe.skipIf(reason !== null)(`a VMM that was taken over${reason === null ? "" : ` (skipped: ${reason})`}`, () => {
  const folder = makeTempFolder("attack");
  let vms: TinyVms;
  let scene: Scene;
  beforeAll(async () => {
    vms = await tinyVms("attack");
    scene = await setScene(await targetOf(vms), folder.path);
  }, 300_000);
  afterAll(async () => {
    await scene.end();
    vms.remove();
    folder.remove();
  });

  const there = () => scene;
  attackTests("QEMU", [
    ...fileAttacks(there),
    ...roomAttacks(there),
    ...networkAttacks(there),
    ...processAttacks(there),
    ...kernelAttacks(there),
    ...threadAttacks(folder.path),
  ]);
});

async function targetOf(vms: TinyVms): Promise<Target> {
  const spec = await vms.spec();
  const images = spec.blockDevices.filter((disk) => disk.readOnly).map((disk) => disk.path);
  return {
    directory: spec.directory,
    readable: [spec.vmlinux, spec.initramfs, ...images],
    async start() {
      const vm = await vms.driver().boot(spec, AbortSignal.timeout(60_000));
      return { pid: vm.record.process.pid, ended: vm.wait(), end: () => vm.kill() };
    },
  };
}

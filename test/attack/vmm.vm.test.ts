/**
 * A guest that has taken over its VMM: system calls of an attacker's are made inside a real, confined QEMU. Runs as an ordinary
 * user; where Yama lets nobody trace its own processes, as root.
 */
import { afterAll, beforeAll, describe } from "bun:test";
import { readFileSync } from "node:fs";
import { gate } from "../../src/host/testing/gate.ts";
import { makeTempFolder } from "../../src/vmm/testing/temp.ts";
import { type TinyVms, tinyVms } from "../../src/vmm/testing/tiny-vm.ts";
import { fileAttacks } from "./file-attacks.ts";
import { kernelAttacks } from "./kernel-attacks.ts";
import { networkAttacks } from "./network-attacks.ts";
import { processAttacks } from "./process-attacks.ts";
import { attackTests } from "./report.ts";
import { type Scene, setScene } from "./scene.ts";

describe.skipIf(gate("vm") !== null || gate("tool:cc") !== null || !mayTrace())("a VMM that was taken over", () => {
  const folder = makeTempFolder("attack");
  let vms: TinyVms;
  let scene: Scene;
  beforeAll(async () => {
    vms = await tinyVms("attack");
    scene = await setScene(vms, folder.path);
  }, 300_000);
  afterAll(async () => {
    await scene.end();
    vms.remove();
    folder.remove();
  });

  const there = () => scene;
  attackTests("QEMU", [
    ...fileAttacks(there),
    ...networkAttacks(there),
    ...processAttacks(there),
    ...kernelAttacks(there),
  ]);
});

/** ptrace(2): every scope of Yama but 0 needs root here, because the VMM is not a child of the injector. */
function mayTrace(): boolean {
  if (process.getuid?.() === 0) return true;
  try {
    return readFileSync("/proc/sys/kernel/yama/ptrace_scope", "utf8").trim() === "0";
  } catch {
    return true;
  }
}

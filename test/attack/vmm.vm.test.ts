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

const reason = gate("vm") ?? gate("tool:cc") ?? reasonAgainstTracing();

describe.skipIf(reason !== null)(`a VMM that was taken over${reason === null ? "" : ` (skipped: ${reason})`}`, () => {
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

/** ptrace(2): under every scope of Yama but 0 this needs root, because the VMM is not a child of the injector. */
function reasonAgainstTracing(): string | null {
  const scope = readYamaScope();
  if (scope === "0" || process.getuid?.() === 0) return null;
  return `Yama's ptrace_scope is ${scope}: run it as root`;
}

/** @returns 0 where there is no Yama */
function readYamaScope(): string {
  try {
    return readFileSync("/proc/sys/kernel/yama/ptrace_scope", "utf8").trim();
  } catch {
    return "0";
  }
}

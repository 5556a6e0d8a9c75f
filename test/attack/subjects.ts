/** The VMMs that are taken over: each kind of cage, with what is attacked besides that of every other. */
import { expect, test } from "bun:test";
import type { BootSpec, VmmDriver } from "../../src/vmm/driver.ts";
import { createFirecrackerDriver } from "../../src/vmm/firecracker/driver.ts";
import { tinyVms } from "../../src/vmm/testing/tiny-vm.ts";
import { firecrackerAttacks, memoryFile } from "./firecracker-attacks.ts";
import { hostNetworkAttacks, listenerAttacks, listeningAt, reachLoopback, socketAttacks } from "./network-attacks.ts";
import { programAttacks } from "./process-attacks.ts";
import type { Attack } from "./report.ts";
import type { Scene } from "./scene.ts";
import { makeStandIn } from "./stand-in.ts";
import type { AttackNeed } from "./suite.ts";
import { failed } from "./taken-over.ts";
import { threadAttacks } from "./thread-attacks.ts";

/** A VM that can be started. */
export type Machine = { driver: VmmDriver; spec: BootSpec; remove(): void };

/** A VMM with one profile of the filter. */
export type Subject = {
  name: string;
  needs: readonly AttackNeed[];
  machine(): Promise<Machine>;
  /** besides those that every VMM must withstand */
  attacks(scene: () => Scene, folder: string): Attack[];
  /** what this one can do by design, as SECURITY.md says */
  allowed?(scene: () => Scene): void;
};

/** A row for each profile of a VMM in `agent/src/host/profiles.rs`; another driver gets rows of its own. */
export const subjects: Subject[] = [
  {
    name: "QEMU",
    needs: ["vm"],
    machine: () => qemu(null),
    attacks: (scene, folder) => [
      ...hostNetworkAttacks(scene),
      ...socketAttacks(scene),
      ...programAttacks(scene),
      ...threadAttacks(folder, "qemu"),
    ],
  },
  {
    name: "QEMU with its own network",
    needs: ["vm"],
    machine: () => qemu({ kind: "builtin", mac: "02:00:00:00:00:01" }),
    attacks: (scene) => [...socketAttacks(scene), ...programAttacks(scene)],
    allowed(scene) {
      test("it reaches the host's loopback by TCP and UDP, as its guest does", async () => {
        expect(await reachLoopback(scene())).toEqual({ tcp: true, udp: true });
      });
    },
  },
  {
    name: "a program in place of Firecracker",
    needs: ["tool:banger-vsock-agent"],
    machine: makeStandIn,
    attacks: inFirecrackersCage,
    allowed: firecrackersRights,
  },
  // its own filters end it for most of what the cage would refuse
  {
    name: "Firecracker",
    needs: ["firecracker"],
    machine: firecracker,
    attacks: (scene, folder) => [...inFirecrackersCage(scene, folder), ...programAttacks(scene)],
  },
];

async function qemu(net: BootSpec["net"]): Promise<Machine> {
  const vms = await tinyVms("attack");
  return { driver: vms.driver(), spec: await vms.spec({ net }), remove: vms.remove };
}

async function firecracker(): Promise<Machine> {
  const program = async () => process.env["BANGER_FIRECRACKER"] ?? null;
  const vms = await tinyVms("attack", (host) => createFirecrackerDriver({ ...host, program, install: "" }));
  return { driver: vms.driver(), spec: await vms.spec(), remove: vms.remove };
}

function inFirecrackersCage(scene: () => Scene, folder: string): Attack[] {
  return [
    ...hostNetworkAttacks(scene),
    ...listenerAttacks(scene),
    ...firecrackerAttacks(scene),
    ...threadAttacks(folder, "firecracker"),
  ];
}

function firecrackersRights(scene: () => Scene): void {
  test("it makes sockets in its own folder", async () => {
    const { directory, taken } = scene();
    expect(failed(await listeningAt(await taken(), `${directory}/other.sock`))).toBe(false);
  });

  test("it keeps files in memory, which no limit of its own counts", async () => {
    const taken = await scene().taken();
    const file = await memoryFile(taken);
    expect(await taken.call("write", file, "kept", 4)).toEqual({ result: 4n });
  });
}

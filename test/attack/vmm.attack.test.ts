/**
 * A guest that has taken over its VMM: an attacker's system calls are made inside a real, confined QEMU. Runs as an ordinary
 * user; as root if Yama prevents users from tracing their own processes.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { BootSpec, VmmDriver } from "../../src/vmm/driver.ts";
import { makeTempFolder } from "../../src/vmm/testing/temp.ts";
import { type TinyVms, tinyVms } from "../../src/vmm/testing/tiny-vm.ts";
import { fileAttacks } from "./file-attacks.ts";
import { kernelAttacks } from "./kernel-attacks.ts";
import { hostNetworkAttacks, reachLoopback, socketAttacks } from "./network-attacks.ts";
import { processAttacks } from "./process-attacks.ts";
import { type Attack, attackTests } from "./report.ts";
import { roomAttacks } from "./room-attacks.ts";
import { type Scene, setScene, type Target } from "./scene.ts";
import { attackSuite } from "./suite.ts";
import { threadAttacks } from "./thread-attacks.ts";

/** A VMM with one profile of the filter. */
type Subject = {
  name: string;
  driver(vms: TinyVms): VmmDriver;
  net: BootSpec["net"];
  /** besides those that every VMM must withstand */
  attacks(scene: () => Scene, folder: string): Attack[];
  /** what this one can do by design, as SECURITY.md says */
  allowed?(scene: () => Scene): void;
};

/** A row for each profile of a VMM in `agent/src/host/profiles.rs`; another driver gets rows of its own. */
const subjects: Subject[] = [
  {
    name: "QEMU",
    driver: (vms) => vms.driver(),
    net: null,
    attacks: (scene, folder) => [...hostNetworkAttacks(scene), ...threadAttacks(folder)],
  },
  {
    name: "QEMU with its own network",
    driver: (vms) => vms.driver(),
    net: { kind: "builtin", mac: "02:00:00:00:00:01" },
    attacks: () => [],
    allowed(scene) {
      test("it reaches the host's loopback by TCP and UDP, as its guest does", async () => {
        expect(await reachLoopback(scene())).toEqual({ tcp: true, udp: true });
      });
    },
  },
];

attackSuite("a VMM that was taken over", ["vm", "tool:cc", "tracing"], () => {
  const folder = makeTempFolder("attack");
  afterAll(() => folder.remove());

  describe.each(subjects)("$name", (subject) => {
    let vms: TinyVms;
    let scene: Scene;
    beforeAll(async () => {
      vms = await tinyVms("attack");
      const place = await folder.make(String(subjects.indexOf(subject)));
      scene = await setScene(await targetOf(vms, subject), place);
    }, 300_000);
    afterAll(async () => {
      await scene?.end();
      vms?.remove();
    });

    const there = () => scene;
    attackTests(subject.name, [
      ...fileAttacks(there),
      ...roomAttacks(there),
      ...socketAttacks(there),
      ...processAttacks(there),
      ...kernelAttacks(there),
      ...subject.attacks(there, folder.path),
    ]);
    subject.allowed?.(there);
  });
});

async function targetOf(vms: TinyVms, { driver, net }: Subject): Promise<Target> {
  const spec = await vms.spec({ net });
  const images = spec.blockDevices.filter((disk) => disk.readOnly).map((disk) => disk.path);
  return {
    directory: spec.directory,
    readable: [spec.vmlinux, spec.initramfs, ...images],
    async start() {
      const vm = await driver(vms).boot(spec, AbortSignal.timeout(60_000));
      return { pid: vm.record.process.pid, ended: vm.wait(), end: () => vm.kill() };
    },
  };
}

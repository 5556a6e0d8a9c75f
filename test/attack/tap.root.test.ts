/**
 * VMMs on a bridge that were taken over: a program in each cage that has a TAP, in a network namespace of the test's own. As root,
 * because it makes TAPs.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { agentBinary } from "../../src/host/testing/gate.ts";
import { makeTempFolder } from "../../src/vmm/testing/temp.ts";
import { hostNetworkAttacks, listenerAttacks, listeningAt, socketAttacks } from "./network-attacks.ts";
import { type Attack, attackTests } from "./report.ts";
import { refusedSteps, type Scene, setScene, type Target } from "./scene.ts";
import { buildStandIn } from "./stand-in.ts";
import { attackSuite } from "./suite.ts";
import { failed } from "./taken-over.ts";
import { type Attached, attach, attachedTo, inherited, openDevice, opened, tapAttacks } from "./tap-attacks.ts";

/** TAPs: its own, one that no process is attached to, one that another process is attached to, and another user's */
const [own, idle, busy, foreign] = ["bgr-own", "bgr-idle", "bgr-busy", "bgr-foreign"];
const nobody = "65534";

type Subject = {
  name: string;
  /** of `confine` */
  words: readonly string[];
  attached: Attached;
  attacks(scene: () => Scene): Attack[];
  /** what this one can do by design, as SECURITY.md says */
  allowed?(scene: () => Scene): void;
};

const subjects: Subject[] = [
  {
    name: "QEMU's cage with a TAP",
    words: ["--isolate", "all", "--network", "none", "--profile", "qemu-tap", "--tap", own],
    attached: inherited(3n),
    attacks: socketAttacks,
  },
  {
    name: "Firecracker's cage with a TAP",
    words: [
      ...["--isolate", "all-but-network", "--network", "none", "--profile", "firecracker-tap"],
      ...["--dev", "/dev/net/tun"],
    ],
    attached: opened(own),
    attacks: (scene) => [
      ...listenerAttacks(scene),
      attaching(scene, "makes a TAP", "bgr-new"),
      attaching(scene, "attaches to another user's TAP", foreign),
      attaching(scene, "attaches to the TAP of a VM that runs", busy),
    ],
    allowed(scene) {
      test("it attaches to another TAP of the user's that no process is attached to", async () => {
        const taken = await scene().taken();
        const descriptor = await openDevice(taken);
        await attach(taken, descriptor, idle);
        expect(await attachedTo(taken, descriptor)).toBe(idle);
        await taken.call("close", descriptor);
      });

      test("it takes an abstract name in the host's network namespace", async () => {
        expect(failed(await listeningAt(await scene().taken(), "\0banger-attack"))).toBe(false);
      });
    },
  },
];

for (const subject of subjects) {
  attackSuite(`${subject.name}, taken over`, ["root", "tool:cc", "tool:banger-vsock-agent", "tracing"], () => {
    const folder = makeTempFolder("tap");
    const network = `banger-attack-${process.pid}`;
    const ip = (...words: string[]) => execFileSync("ip", ["-n", network, ...words], { encoding: "utf8" });
    let holder: Bun.Subprocess;
    let scene: Scene;
    let before: string;
    beforeAll(async () => {
      execFileSync("ip", ["netns", "add", network]);
      for (const [tap, owner] of [
        [own, "0"],
        [idle, "0"],
        [busy, "0"],
        [foreign, nobody],
      ] as const)
        ip("tuntap", "add", "dev", tap, "mode", "tap", "vnet_hdr", "user", owner);
      const program = buildStandIn(folder.path);
      const vm = await folder.make("vm");
      writeFileSync(join(vm, "disk.ext4"), "a disk");
      holder = await start(network, vm, program, ["--profile", "qemu-tap", "--tap", busy]);
      before = tapsIn(network);
      scene = await setScene(targetIn(network, vm, program, subject.words), folder.path);
    }, 60_000);
    afterAll(async () => {
      await scene?.end();
      holder?.kill("SIGKILL");
      await holder?.exited;
      execFileSync("ip", ["netns", "del", network]);
      folder.remove();
    });

    const there = () => scene;
    attackTests(subject.name, [
      ...tapAttacks(there, own, idle, subject.attached),
      ...hostNetworkAttacks(there),
      ...subject.attacks(there),
      {
        name: "no TAP was changed",
        run: async () => ({ held: tapsIn(network) === before, seen: tapsIn(network) }),
      },
    ]);

    test("it asks for the name of its TAP", async () => {
      const taken = await scene.taken();
      const descriptor = await subject.attached.descriptor(taken);
      expect(await attachedTo(taken, descriptor)).toBe(own);
      await subject.attached.release(taken);
    });
    subject.allowed?.(there);
  });
}

function attaching(scene: () => Scene, name: string, tap: string): Attack {
  return refusedSteps(scene, name, async function* (taken) {
    const descriptor = await openDevice(taken);
    yield await attach(taken, descriptor, tap);
    await taken.call("close", descriptor);
  });
}

/** Names, addresses and owners of the TAPs, as text that must not change. */
function tapsIn(network: string): string {
  const found: {
    ifname: string;
    address: string;
    mtu: number;
    linkinfo?: { info_data?: { user?: string; persist?: boolean } };
  }[] = JSON.parse(
    execFileSync("ip", ["-n", network, "-json", "-details", "link", "show", "type", "tun"], { encoding: "utf8" }),
  );
  const lines = found.map(({ ifname, address, mtu, linkinfo }) =>
    [ifname, address, mtu, linkinfo?.info_data?.user, linkinfo?.info_data?.persist].join(" "),
  );
  return lines.join(", ");
}

/** Resolves when the program runs in its cage. */
async function start(network: string, directory: string, program: string, words: readonly string[]) {
  const cage = ["--existing", directory, "--ro", "/usr", "--ro", "/lib", "--ro", "/lib64", "--ro", program, ...words];
  const argv = ["nsenter", `--net=/run/netns/${network}`, agentBinary() ?? "", "confine", ...cage, "--", program];
  const child = Bun.spawn(argv, { cwd: directory, stdio: ["ignore", "pipe", "inherit"] });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  if (!Buffer.from(value ?? []).includes("ready")) throw new Error("the program did not start");
  return child;
}

function targetIn(network: string, directory: string, program: string, words: readonly string[]): Target {
  return {
    directory,
    readable: [program],
    async start() {
      const child = await start(network, directory, program, words);
      const end = async () => {
        child.kill("SIGKILL");
        await child.exited;
      };
      return { pid: child.pid, ended: child.exited, end };
    },
  };
}

/** `confine --tap`: a real TAP interface, handed to a small program, in a network namespace of the test's own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { spawnPiped } from "../host/process/children.ts";
import { createExec } from "../host/process/exec-node.ts";
import { agentBinary, gate } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";

const skip = gate("root") ?? gate("tool:ip") ?? gate("tool:python3") ?? gate("tool:banger-vsock-agent");
const space = `banger-confine-tap-${process.pid}`;
const exec = createExec({});
const [owner, other] = [65_534, 65_533];
const tap = "bgr-test0001";
const [host, guest, guestMac] = ["198.51.100.1", "198.51.100.2", "02:00:00:00:00:07"];

/** Answers the first ARP request for the guest's address. Before each frame there are 10 bytes of `virtio_net_hdr`. */
const answerArp = `
import os, struct, sys
tap = int(sys.argv[1])
os.set_blocking(tap, True)
print("ready", flush=True)
mac, wanted = bytes.fromhex("020000000007"), bytes([198, 51, 100, 2])
while True:
    frame = os.read(tap, 2000)[10:]
    if frame[12:14] != b"\\x08\\x06" or frame[38:42] != wanted:
        continue
    asking, address = frame[22:28], frame[28:32]
    arp = struct.pack("!HHBBH", 1, 0x800, 6, 4, 2) + mac + wanted + asking + address
    os.write(tap, bytes(10) + asking + mac + b"\\x08\\x06" + arp)
    print("answered", flush=True)
    sys.stdin.readline()
    break`;

/** What the descriptors from 3 to 5 are, a line each. */
const listDescriptors = `
import os, stat
for fd in (3, 4, 5):
    try:
        mode = os.fstat(fd).st_mode
        print("socket" if stat.S_ISSOCK(mode) else "device" if stat.S_ISCHR(mode) else "other")
    except OSError:
        print(fd, "closed")`;

const python = ["/usr/bin/python3", "-I", "-c"];

/** The device as distributions have it (0666), whatever this host's mode is: in a mount namespace of its own. */
const withDevice = `mount --bind "$0" /dev/net/tun && exec "$@"`;

describe.skipIf(skip !== null)(`a TAP interface by descriptor${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  const folder = tempFolder("confine-tap");
  const device = `${folder.path}/tun`;

  const must = async (...argv: string[]) => {
    const { exitCode, stderr } = await exec(argv);
    if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${Buffer.from(stderr).toString()}`);
  };
  const ip = (line: string) => must("ip", "-n", space, ...line.split(" "));

  beforeAll(async () => {
    await must("ip", "netns", "add", space);
    await must("mknod", "-m", "666", device, "c", "10", "200");
    await ip(`tuntap add dev ${tap} mode tap user ${owner}`);
    await ip(`addr add ${host}/24 dev ${tap}`);
    await ip(`link set ${tap} up`);
  });
  afterAll(async () => {
    await exec(["ip", "netns", "del", space]);
    folder[Symbol.dispose]();
  });

  /** The command with which a user without any capability runs `confine` in the namespace. */
  function commandOf(uid: number, options: readonly string[], program: readonly string[]) {
    const user = [
      "setpriv",
      `--reuid=${uid}`,
      `--regid=${uid}`,
      "--clear-groups",
      "--inh-caps=-all",
      "--bounding-set=-all",
    ];
    const paths = ["/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"].flatMap((path) => ["--ro", path]);
    const confine = [agentBinary() ?? "", "confine", ...options, ...paths, "--dev", "/dev/null", "--"];
    const inSpace = ["ip", "netns", "exec", space, "unshare", "--mount", "/bin/sh", "-c", withDevice, device];
    return [...inSpace, ...user, ...confine, ...program];
  }
  const confined = (uid: number, options: readonly string[], ...program: string[]) =>
    exec(commandOf(uid, options, program), { timeoutMs: 20_000 });
  const words = (bytes: Uint8Array) => Buffer.from(bytes).toString();

  test("its owner's program carries frames, though it may open no device", async () => {
    const program = spawnPiped(commandOf(owner, ["--tap", tap], [...python, answerArp, "3"]), {
      stdin: "pipe",
    });
    const lines = createInterface({ input: Readable.from(program.stdout) })[Symbol.asyncIterator]();
    expect((await lines.next()).value).toBe("ready");
    await must("ip", "netns", "exec", space, process.execPath, "-e", sendOnce);
    expect((await lines.next()).value).toBe("answered");
    const { stdout: neighbours } = await exec(["ip", "-n", space, "neigh", "show", guest]);
    expect(words(neighbours)).toContain(guestMac);
    program.stdin.write(Buffer.from("\n"));
    expect(await program.done).toMatchObject({ exitCode: 0 });
  }, 30_000);

  test("descriptors are numbered in the order of the command line", async () => {
    const socket = `/tmp/banger-confine-tap-${process.pid}.sock`;
    const { stdout, stderr } = await confined(owner, ["--listen", socket, "--tap", tap], ...python, listDescriptors);
    await exec(["rm", "-f", socket]);
    expect([words(stdout), words(stderr)]).toEqual(["socket\ndevice\n5 closed\n", ""]);
  }, 30_000);

  test.each([
    ["another user's", other, tap, "Operation not permitted"],
    ["one that is missing", owner, "bgr-missing1", "No such device"],
  ])("%s is refused", async (_what, uid, name, why) => {
    const { exitCode, stderr } = await confined(uid, ["--tap", name], "/usr/bin/true");
    expect(exitCode).toBe(125);
    expect(words(stderr)).toContain(`${name}: ${why}`);
    const { stdout } = await exec(["ip", "-n", space, "-o", "link"]);
    expect(words(stdout)).not.toContain("bgr-missing1");
  });

  test("no second program gets it", async () => {
    const confine = [agentBinary() ?? "", "confine", "--tap", tap, "--ro", "/", "--dev", "/dev/net/tun", "--"];
    const { exitCode, stderr } = await confined(
      owner,
      ["--tap", tap, "--ro", "/", "--dev", "/dev/net/tun"],
      ...confine,
      "true",
    );
    expect(exitCode).toBe(125);
    expect(words(stderr)).toContain(`${tap}: Device or resource busy`);
  });
});

/** Has the kernel ask who has the guest's address. */
const sendOnce = `const socket = await Bun.udpSocket({}); socket.send("x", 9, "198.51.100.2"); socket.close();`;

describe.skipIf(gate("tool:banger-vsock-agent") !== null)("a control group", () => {
  const confine = (folder: string) => [
    agentBinary() ?? "",
    "confine",
    "--cgroup",
    folder,
    "--ro",
    "/",
    "--",
    "/bin/true",
  ];

  test("is joined by the process itself, before anything else", async () => {
    using folder = tempFolder("confine-cgroup");
    const procs = `${folder.path}/cgroup.procs`;
    writeFileSync(procs, "");
    expect((await exec(confine(folder.path))).exitCode).toBe(0);
    expect(readFileSync(procs, "utf8")).toBe("0");
  });

  test("that can't be joined ends the start", async () => {
    using folder = tempFolder("confine-cgroup");
    mkdirSync(`${folder.path}/vm`);
    const { exitCode, stderr } = await exec(confine(`${folder.path}/vm`));
    expect(exitCode).toBe(125);
    expect(Buffer.from(stderr).toString()).toContain(`control group ${folder.path}/vm: No such file`);
  });
});

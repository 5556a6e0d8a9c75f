/** `confine --tap`: a real TAP interface, handed to a small program, in a network namespace of the test's own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { spawnPiped } from "../host/process/children.ts";
import { createExec } from "../host/process/exec-node.ts";
import { agentBinary, gate } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";

const skip = gate("root") ?? gate("tool:ip") ?? gate("tool:perl") ?? gate("tool:banger-vsock-agent");
const space = `banger-confine-tap-${process.pid}`;
const exec = createExec({});
const [owner, other] = [65_534, 65_533];
const tap = "bgr-test0001";
const [host, guest, guestMac] = ["198.51.100.1", "198.51.100.2", "02:00:00:00:00:07"];

/** Answers the first ARP request for the guest's address. Before each frame there are 10 bytes of `virtio_net_hdr`. */
const answerArp = `
  use strict; open(my $tap, "+<&=", $ARGV[0]) or die "descriptor $ARGV[0]: $!";
  use Fcntl; fcntl($tap, F_SETFL, 0); $| = 1; print "ready\n";
  my $mac = pack("H*", "020000000007"); my $wanted = pack("C4", 198, 51, 100, 2);
  while (sysread($tap, my $frame, 2000)) {
    next unless substr($frame, 10 + 12, 2) eq pack("n", 0x806) and substr($frame, 10 + 38, 4) eq $wanted;
    my ($theirs, $address) = (substr($frame, 10 + 22, 6), substr($frame, 10 + 28, 4));
    my $arp = pack("nnCCn", 1, 0x800, 6, 4, 2) . $mac . $wanted . $theirs . $address;
    syswrite($tap, ("\\0" x 10) . $theirs . $mac . pack("n", 0x806) . $arp); print "answered\\n"; <STDIN>; exit 0;
  }`;

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
    const program = spawnPiped(commandOf(owner, ["--tap", tap], ["/usr/bin/perl", "-e", answerArp, "3"]), {
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
    const open = `for (3..5) { open(my $fd, "+<&=", $_) or print "$_ closed\\n"; print -S $fd ? "socket\\n" : -c $fd ? "device\\n" : "" if $fd }`;
    const { stdout, stderr } = await confined(owner, ["--listen", socket, "--tap", tap], "/usr/bin/perl", "-e", open);
    await exec(["rm", "-f", socket]);
    expect([words(stdout), words(stderr)]).toEqual(["socket\ndevice\n5 closed\n", ""]);
  }, 30_000);

  test.each([
    ["another user's", other, tap, "Operation not permitted"],
    ["one that is missing", owner, "bgr-missing1", "No such device"],
  ])("%s is refused", async (_what, uid, name, why) => {
    const { exitCode, stderr } = await confined(uid, ["--tap", name], "/usr/bin/perl", "-e", "1");
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

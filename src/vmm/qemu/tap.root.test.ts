/** A real QEMU whose network device is a TAP interface on a bridge, in a network namespace of the test's own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createExec } from "../../host/process/exec-node.ts";
import { gate } from "../../host/testing/gate.ts";
import { tinyArtifacts } from "../../images/testing/tiny.ts";

const skip = gate("root") ?? gate("vm") ?? gate("tool:ip");
const space = `banger-qemu-tap-${process.pid}`;
const exec = createExec(process.env as Record<string, string>);
const taps = ["bgr-test0001", "bgr-test0002"];

describe.skipIf(skip !== null)(`QEMU with a TAP interface${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  const must = async (...argv: string[]) => {
    const { exitCode, stdout, stderr } = await exec(argv, { timeoutMs: 400_000 });
    if (exitCode !== 0) throw new Error(`${argv.join(" ")}: ${Buffer.from(stderr).toString()}`);
    return Buffer.from(stdout).toString();
  };

  beforeAll(async () => {
    // made here, where there is a network
    await tinyArtifacts();
    await must("ip", "netns", "add", space);
    const lines = ["link add br0 type bridge", "addr add 198.51.100.1/24 dev br0", "link set br0 up"];
    for (const tap of taps) lines.push(`tuntap add dev ${tap} mode tap`, `link set ${tap} master br0 up`);
    for (const line of lines) await must("ip", "-n", space, ...line.split(" "));
  }, 300_000);
  afterAll(() => exec(["ip", "netns", "del", space]));

  test("its guest reaches the bridge, booted and restored, each with an interface of its own", async () => {
    const program = new URL("../testing/tap-vm-program.ts", import.meta.url).pathname;
    const said = await must("ip", "netns", "exec", space, process.execPath, program, ...taps);
    expect(JSON.parse(said)).toEqual({ booted: "1", restored: "1", network: "tap" });
  }, 400_000);
});

/** The daemon's part of the bridge with the real root helper, in network namespaces. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { VmId } from "../base/names.ts";
import { startHelper, type TestHelper } from "../bin/testing/root-helper.ts";
import { hostAddress, makeNetwork, outside, owner, type TestNetwork, within } from "../helper/testing/network.ts";
import { type PipedProcess, spawnPiped } from "../host/process/children.ts";
import { gate } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";

const skip = gate("root") ?? gate("tool:ip") ?? gate("tool:nft") ?? gate("tool:python3") ?? gate("tool:setpriv");
const netAdmin = "-all,+net_admin";
const [one, other] = ["guest001" as VmId, "guest002" as VmId];

describe.skipIf(skip !== null)(`the bridge and its helper${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  const folder = tempFolder("bridge");
  let net: TestNetwork;
  let helper: TestHelper;
  let daemon: PipedProcess;
  let lines: AsyncIterator<string>;

  let pid = "";
  /** Has systemd name the daemon's process. */
  const nameMain = () => writeFileSync(`${folder.path}/main-pid`, pid);
  const next = async () => JSON.parse(String((await lines.next()).value));
  const ask = async (line: string) => {
    await daemon.stdin.write(Buffer.from(`${line}\n`));
    return next();
  };
  const taps = async () => {
    const { stdout } = await net.exec(["ip", "-o", "link", "show", "master", "br-banger"]);
    return [
      ...Buffer.from(stdout)
        .toString()
        .matchAll(/bgr-(\w+)/g),
    ]
      .map(([, id]) => id)
      .toSorted();
  };

  beforeAll(async () => {
    chmodSync(folder.path, 0o755);
    net = await makeNetwork("bridge");
    helper = await startHelper(net, folder.path, netAdmin);
    const program = new URL("./testing/bridge-program.ts", import.meta.url).pathname;
    const user = ["setpriv", `--reuid=${owner}`, `--regid=${owner}`, "--clear-groups"];
    const argv = within(net.space, [...user, process.execPath, program, helper.socket]);
    daemon = spawnPiped(argv, { stdin: "pipe" });
    lines = createInterface({ input: Readable.from(daemon.stdout) })[Symbol.asyncIterator]();
    pid = String((await lines.next()).value);
    nameMain();
    await daemon.stdin.write(Buffer.from("go\n"));
    expect(await next()).toEqual({ isUp: true });
  }, 60_000);

  afterAll(async () => {
    daemon?.kill("SIGKILL");
    await helper?.stop();
    await net?.remove();
    folder[Symbol.dispose]();
  }, 60_000);

  test("a VM's guest reaches the internet with the address that it was given, and not what its spec denies", async () => {
    const { device, identity } = await ask(`prepare ${one}`);
    expect([device.name, identity.address, identity.gateway]).toEqual(["bgr-guest001", "172.16.0.2", "172.16.0.1"]);
    const guest = await net.plug({ vm: one, address: identity.address, isolated: true, deny: ["10.0.0.0/8"] });
    expect(guest.mac).toBe(device.mac);
    expect(await guest.ask("tcp", outside.internet)).toBe(hostAddress);
    expect(await guest.ask("tcp", outside.lan)).not.toBe(hostAddress);
  }, 60_000);

  test("a helper that was killed is told everything again, what ended meanwhile included", async () => {
    await ask(`prepare ${other}`);
    expect(await taps()).toEqual([one, other]);
    await helper.stop("SIGKILL");
    await ask(`stop ${other}`);
    await ask(`forget ${other}`);
    expect(await taps()).toEqual([one, other]);
    helper = await startHelper(net, folder.path, netAdmin);
    nameMain();
    expect(await next()).toEqual({ isUp: true });
    // answered once the connection has been told everything
    expect((await ask(`prepare ${one}`)).identity.address).toBe("172.16.0.2");
    expect(await taps()).toEqual([one]);
  }, 60_000);
});

/** The root helper as a program with CAP_NET_ADMIN alone, in network namespaces: whom it serves, and what it makes again by itself. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { chmodSync, statSync } from "node:fs";
import type { VmId } from "../base/names.ts";
import { hostAddress, makeNetwork, outside, owner, type TestNetwork, within } from "../helper/testing/network.ts";
import { createExec } from "../host/process/exec-node.ts";
import { gate } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { type HelperClient, startHelper, type TestHelper } from "./testing/root-helper.ts";

/** each program in a namespace is started by ip(8), and the machine may be busy */
setDefaultTimeout(60_000);

const skip = gate("root") ?? gate("tool:ip") ?? gate("tool:nft") ?? gate("tool:python3") ?? gate("tool:setpriv");
const suite = skip === null ? describe : describe.skip;
const netAdmin = "-all,+net_admin";

const tap = { vm: "guest001" as VmId, address: "172.16.0.2", isolated: true, deny: [] };
const setUp = [
  { verb: "bridge.ensure", address: "172.16.0.1", prefix: 24 },
  { verb: "nat.ensure" },
  { verb: "tap.create", ...tap },
];

suite(`the root helper${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  const folder = tempFolder("root-helper");
  let net: TestNetwork;
  let helper: TestHelper;
  let daemon: HelperClient;
  let id = 0;
  const ask = async (who: HelperClient, request: object) => {
    id += 1;
    const answer = await who.ask({ id, ...request });
    return answer === "closed" ? answer : JSON.parse(answer);
  };

  beforeAll(async () => {
    chmodSync(folder.path, 0o755);
    net = await makeNetwork("prog");
    helper = await startHelper(net, folder.path, netAdmin);
    daemon = await helper.connect();
  });

  afterAll(async () => {
    daemon?.end();
    await helper?.stop();
    await net?.remove();
    folder[Symbol.dispose]();
  });

  test("its socket is root's and the owner's group's", () => {
    const { uid, gid, mode } = statSync(helper.socket);
    expect([uid, gid, mode & 0o777]).toEqual([0, owner, 0o660]);
  });

  test("the daemon's main process is served, with CAP_NET_ADMIN alone", async () => {
    for (const request of setUp) expect(await ask(daemon, request)).toEqual({ id, result: {} });
    expect(await ask(daemon, { verb: "resolver.route" })).toMatchObject({ result: { routed: false } });
    expect(await ask(daemon, { verb: "status" })).toMatchObject({
      result: { bridge: { address: "172.16.0.1", prefix: 24 }, taps: ["guest001"], nat: true },
    });
    const guest = await net.plug(tap);
    expect(await guest.ask("tcp", outside.internet)).toBe(hostAddress);
    expect(await ask(daemon, { verb: "tap.delete", vm: "../../etc" })).toMatchObject({ error: { kind: "refused" } });
    expect(await helper.logged("refused a request")).toMatchObject({ uid: owner, program: "python3" });
  });

  test.each([
    ["a child of the daemon", { asMain: false }, /not the main process/],
    ["root", { asMain: false, uid: 0 }, /its uid is 0/],
  ])("%s is refused, and logged", async (_, options, why) => {
    const other = await helper.connect(options);
    expect(await ask(other, { verb: "status" })).toBe("closed");
    const { uid = owner } = options as { uid?: number };
    expect(await helper.logged("refused a connection")).toMatchObject({ uid, why: expect.stringMatching(why) });
    expect(await ask(daemon, { verb: "status" })).toMatchObject({ result: { nat: true } });
  });

  test("another user can't even connect", async () => {
    await expect(helper.connect({ asMain: false, uid: 64_998 })).rejects.toThrow("Permission denied");
  });

  test("a thousand connections of a process of the owner's: the daemon is served on", async () => {
    const flood = `
import os, socket, sys
os.setgroups([]); os.setgid(${owner}); os.setuid(${owner})
def connect():
    one = socket.socket(socket.AF_UNIX)
    try: one.connect(sys.argv[1])
    except OSError: pass
    return one
all = [connect() for _ in range(1000)]
print("ready", flush=True)
for one in all: one.recv(1) if one.fileno() >= 0 else None
`;
    const exec = createExec({});
    const flooding = exec(within(net.space, ["python3", "-c", flood, helper.socket]));
    expect(await ask(daemon, { verb: "status" })).toMatchObject({ result: { nat: true } });
    await flooding;
    expect(await ask(daemon, { verb: "status" })).toMatchObject({ result: { nat: true } });
  });

  test("a flushed ruleset and a deleted bridge are made again without being asked", async () => {
    await net.exec(["nft", "flush", "ruleset"]);
    expect(await helper.logged("made again what was missing")).toMatchObject({ made: ["tables"] });
    await net.exec(["ip", "link", "del", "br-banger"]);
    expect(await helper.logged("made again what was missing")).toMatchObject({ made: ["interfaces"] });
    await net.exec(["iptables", "-P", "FORWARD", "DROP"]);
    expect(await helper.logged("made again what was missing")).toMatchObject({ made: ["passage"] });
    expect(await ask(daemon, { verb: "status" })).toMatchObject({ result: { nat: true, taps: ["guest001"] } });
  });

  test("after a SIGKILL the next one goes on; its clients connect again", async () => {
    await helper.stop("SIGKILL");
    daemon.end();
    helper = await startHelper(net, folder.path, netAdmin);
    daemon = await helper.connect();
    expect(await ask(daemon, { verb: "status" })).toMatchObject({ result: { nat: true, taps: ["guest001"] } });
  });

  test("without CAP_NET_ADMIN it can do nothing", async () => {
    await helper.stop();
    daemon.end();
    helper = await startHelper(net, folder.path, "-all");
    daemon = await helper.connect();
    const made = { vm: tap.vm, verb: "tap.delete" };
    for (const request of [setUp[0] as object, made])
      expect(await ask(daemon, request)).toMatchObject({
        error: { kind: "failed", message: expect.stringMatching(/[Nn]ot permitted/) },
      });
  });
});

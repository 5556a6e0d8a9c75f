/** The keeper on a real host's parts, in network namespaces: what is taken away is made again, and what it made goes. */
import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import type { VmId } from "../base/names.ts";
import { gate } from "../host/testing/gate.ts";
import { memoryLogger } from "../host/testing/log.ts";
import { bridgeName, defaultBridge } from "../model/bridge.ts";
import { removeNetwork } from "./removal.ts";
import { type Guest, hostAddress, makeNetwork, outside, type TestNetwork } from "./testing/network.ts";
import type { WantedTap } from "./wanted.ts";

/** each program in a namespace is started by ip(8), and the machine may be busy */
setDefaultTimeout(60_000);

const skip =
  gate("root") ??
  gate("tool:ip") ??
  gate("tool:nft") ??
  gate("tool:iptables") ??
  gate("tool:setpriv") ??
  gate("tool:python3");
const suite = skip === null ? describe : describe.skip;

const tap: WantedTap = {
  vm: "guest001" as VmId,
  address: "172.16.0.2",
  isolated: true,
  deny: ["10.0.0.0/8", "10.1.0.0/16"],
};
const verbs = [
  { verb: "bridge.ensure", ...defaultBridge },
  { verb: "nat.ensure" },
  { verb: "tap.create", ...tap },
] as const;

suite(`the keeper${skip === null ? "" : ` (skipped: ${skip})`}`, () => {
  let net: TestNetwork;
  const said = async (...argv: string[]) => Buffer.from((await net.exec(argv)).stdout).toString();
  const links = async () => (await said("ip", "-br", "address", "show")).replace(/[ \t]+/g, " ");
  const rules = () => said("nft", "--stateless", "list", "ruleset");
  const ensure = async () => {
    for (const request of verbs) await net.keeper.handle(request);
  };

  beforeEach(async () => {
    net = await makeNetwork("keep");
  });
  afterEach(() => net.remove());

  test("asked twice, it changes nothing the second time; the removal leaves nothing", async () => {
    const before = [await links(), await rules()];
    expect(await net.forwarding()).toBe("0");
    await ensure();
    const made = [await links(), await rules()];
    expect(made).not.toEqual(before);
    expect(await net.forwarding()).toBe("1");
    await ensure();
    expect([await links(), await rules()]).toEqual(made);
    expect(await net.keeper.check()).toBe(false);
    await removeNetwork(net.exec, memoryLogger());
    expect([await links(), await rules()]).toEqual(before);
    await removeNetwork(net.exec, memoryLogger());
  });

  test("the bridge has a carrier while no VM runs, and no IPv6", async () => {
    await net.keeper.handle(verbs[0]);
    const bridge = await said("ip", "address", "show", "dev", bridgeName);
    expect(bridge).toContain("LOWER_UP");
    expect(bridge).not.toContain("inet6");
  });

  test("a flushed ruleset, a deleted bridge, a port taken out: the guest is back on the network", async () => {
    await ensure();
    const guest = await net.plug(tap);
    const works = async () => {
      expect(await guest.ask("tcp", outside.internet)).toBe(hostAddress);
      expect(await guest.ask("udp", defaultBridge.address, 53)).toBe(tap.address);
    };
    await works();
    const losses = [
      "nft flush ruleset",
      "nft delete table bridge banger",
      "nft delete chain inet banger postrouting",
      "nft flush set bridge banger guests",
      `ip link del ${bridgeName}`,
      `ip address flush dev ${bridgeName}`,
      `ip link set bgr-guest001 nomaster`,
      `ip link set bgr-guest001 down`,
      "ip link del banger-carrier",
      "sysctl -qw net.ipv4.ip_forward=0",
    ];
    for (const loss of losses) {
      await net.exec(loss.split(" "));
      expect([loss, await net.keeper.check()]).toEqual([loss, true]);
      expect([loss, await net.keeper.check()]).toEqual([loss, false]);
      await works();
    }
    await net.exec(["ip", "link", "set", "dev", "bgr-guest001", "type", "bridge_slave", "isolated", "off"]);
    expect(await net.keeper.check()).toBe(true);
  });

  test("a firewall that drops what it forwards, as docker's and ufw's, lets guests through", async () => {
    await ensure();
    const guest = await net.plug(tap);
    for (const chain of ["FORWARD", "INPUT"]) await net.exec(["iptables", "-P", chain, "DROP"]);
    expect(await reaches(guest)).toEqual(["none", "none"]);
    expect(await net.keeper.check()).toBe(true);
    expect(await reaches(guest)).toEqual([hostAddress, tap.address]);
    expect(await net.keeper.check()).toBe(false);
    expect(await net.keeper.handle({ verb: "status" })).toMatchObject({
      firewalls: ["FORWARD", "INPUT"].map((chain) => ({
        ...{ kind: "iptables", passed: true, text: `iptables: accepted in the chain ${chain}` },
      })),
    });
    await removeNetwork(net.exec, memoryLogger());
    expect(await said("iptables", "-S")).toBe("-P INPUT DROP\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n");
  });

  test("a chain of the owner's own is left alone, and named", async () => {
    const own = "table inet filter {\nchain forward { type filter hook forward priority 0; policy drop; }\n}\n";
    await net.exec(["nft", "-f", "-"], { input: own });
    await ensure();
    const status = await net.keeper.handle({ verb: "status" });
    const text = expect.stringContaining("the chain inet filter forward");
    expect(status["firewalls"]).toEqual([{ kind: "nftables", passed: false, text }]);
    await removeNetwork(net.exec, memoryLogger());
    expect(await rules()).toContain("table inet filter");
  });

  test("a new helper goes on with what the former kept, without a gap", async () => {
    await ensure();
    const made = [await links(), await rules()];
    const successor = net.makeKeeper();
    await successor.recover();
    expect(await successor.check()).toBe(false);
    await successor.handle(verbs[0]);
    expect([await links(), await rules()]).toEqual(made);
  });

  test("a deleted VM's interface and its place in the tables are gone", async () => {
    await ensure();
    await net.keeper.handle({ verb: "tap.delete", vm: tap.vm });
    expect(await links()).not.toContain("bgr-");
    expect(await rules()).not.toContain(tap.vm);
    await net.keeper.handle({ verb: "tap.delete", vm: tap.vm });
  });

  test("each verb that changes the host fails without CAP_NET_ADMIN", async () => {
    let isAble = true;
    const bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    const keeper = net.makeKeeper((argv, options) => net.exec(isAble ? argv : [...bare, ...argv], options));
    for (const request of verbs) await keeper.handle(request);
    const made = [await links(), await rules()];
    isAble = false;
    for (const request of [...verbs, { verb: "tap.delete", vm: tap.vm } as const]) {
      const failed = keeper.handle(request);
      await expect(failed).rejects.toMatchObject({ kind: "failed" });
      await expect(failed).rejects.toThrow(/not permitted/i);
    }
    expect([await links(), await rules()]).toEqual(made);
  });

  test("a network that the host uses is refused with one that it does not", async () => {
    await net.exec(["ip", "address", "add", "172.16.0.200/20", "dev", "eth0"]);
    const refused = net.keeper.handle(verbs[0]);
    await expect(refused).rejects.toMatchObject({ kind: "clash", free: "172.16.16.1/24" });
    expect(await links()).not.toContain(bridgeName);
    expect(await rules()).toBe("");
  });

  test("an interface of another kind with a VM's name is left alone", async () => {
    await net.keeper.handle(verbs[0]);
    await net.exec(["ip", "link", "add", "bgr-guest001", "type", "bridge"]);
    await expect(net.keeper.handle(verbs[2])).rejects.toMatchObject({ kind: "failed" });
    await net.keeper.handle({ verb: "tap.delete", vm: tap.vm });
    await removeNetwork(net.exec, memoryLogger());
    expect(await links()).toContain("bgr-guest001");
  });
});

/** What the guest is answered from the internet, and by the host's DNS. */
function reaches(guest: Guest): Promise<string[]> {
  return Promise.all([guest.ask("tcp", outside.internet), guest.ask("udp", defaultBridge.address, 53)]);
}

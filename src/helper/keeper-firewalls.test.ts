/** The keeper beside other firewalls of the host. */
import { expect, test } from "bun:test";
import { defaultBridge } from "../model/bridge.ts";
import { rulesetOf } from "./ruleset.ts";
import { rulesetText } from "./ruleset-text.ts";
import { fakeHost } from "./testing/fake-host.ts";
import { nothingWanted, type Wanted } from "./wanted.ts";

const load = (wanted: Wanted) => `nft -f - <<${rulesetText(rulesetOf(wanted))}`;
const bridgeOnly: Wanted = { ...nothingWanted, bridge: defaultBridge };
const withNat: Wanted = { ...bridgeOnly, nat: true };
const ensureBridge = { verb: "bridge.ensure", ...defaultBridge } as const;

test("docker's FORWARD lets guests through", async () => {
  const inserted = (rule: string) => `iptables -I FORWARD 1 ${rule} -m comment --comment banger -j ACCEPT`;
  const rules = [inserted("-i br-banger"), inserted("-o br-banger -m conntrack --ctstate RELATED,ESTABLISHED")];
  const host = fakeHost({
    "iptables -S FORWARD": { stdout: "-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n" },
    ...Object.fromEntries(rules.map((rule) => [rule, {}])),
  });
  host.is(bridgeOnly);
  const chain = { family: "ip", table: "filter", name: "FORWARD", type: "filter", hook: "forward", policy: "drop" };
  const user = { family: "ip", table: "filter", name: "DOCKER-USER" };
  host.state.chains = JSON.stringify({ nftables: [{ chain }, { chain: user }] });
  await host.keeper.handle(ensureBridge);
  host.changes();
  await host.keeper.handle({ verb: "nat.ensure" });
  expect(host.changes()).toEqual([load(withNat), "iptables -S FORWARD", ...rules]);
  expect(await host.keeper.handle({ verb: "status" })).toMatchObject({
    firewalls: [{ kind: "iptables", passed: true, text: "docker: accepted in the chain FORWARD" }],
  });
});

test("a firewall that can't be changed is named, and the rest is done", async () => {
  const host = fakeHost({ "iptables -S INPUT": { exitCode: 4, stderr: "incompatible, use 'nft' tool" } });
  host.is(bridgeOnly);
  const chain = { family: "ip", table: "filter", name: "INPUT", type: "filter", hook: "input", policy: "drop" };
  host.state.chains = JSON.stringify({ nftables: [{ chain }] });
  await host.keeper.handle(ensureBridge);
  await host.keeper.handle({ verb: "nat.ensure" });
  const { firewalls } = await host.keeper.handle({ verb: "status" });
  const text = expect.stringMatching(/^iptables: guests may not get through: .*use 'nft' tool/);
  expect(firewalls).toEqual([{ kind: "iptables", passed: false, text }]);
});

test("the old iptables is named where its filter is in use: what it drops is not seen", async () => {
  const host = fakeHost();
  host.is(bridgeOnly);
  await host.keeper.handle(ensureBridge);
  const firewalls = async () => {
    await host.keeper.handle({ verb: "nat.ensure" });
    return (await host.keeper.handle({ verb: "status" }))["firewalls"];
  };
  host.state.legacy = ["nat"];
  expect(await firewalls()).toEqual([]);
  host.state.legacy = ["nat", "filter"];
  expect(await firewalls()).toEqual([expect.objectContaining({ kind: "iptables-legacy", passed: false })]);
});

test("firewalld is asked once, and again when its rules changed", async () => {
  const zoneOf = "firewall-cmd --get-zone-of-interface=br-banger";
  const change = "firewall-cmd --zone=trusted --change-interface=br-banger";
  const host = fakeHost({ [zoneOf]: { exitCode: 2, stderr: "no zone" }, [change]: {} });
  host.is(withNat);
  const chain = { family: "inet", table: "firewalld", name: "filter_INPUT", type: "filter", hook: "input" };
  host.state.chains = JSON.stringify({ nftables: [{ chain }] });
  await host.keeper.handle(ensureBridge);
  await host.keeper.handle({ verb: "nat.ensure" });
  expect(host.changes().slice(-2)).toEqual([zoneOf, change]);
  expect(await host.keeper.check()).toBe(false);
  expect(host.changes()).toEqual([]);
  host.keeper.noteFirewalld();
  expect(await host.keeper.check()).toBe(true);
  expect(host.changes()).toEqual([zoneOf, change]);
});

import { expect, test } from "bun:test";
import { type SystemFact, system } from "./system.ts";

type Reported = NonNullable<SystemFact["reported"]>;
type Helper = NonNullable<Reported["helper"]>;
type FirewallStatus = Helper["firewalls"][number];
const helper: Helper = {
  version: "1.0.0",
  bridge: "172.16.0.1/24",
  taps: 2,
  nat: true,
  firewalls: [
    { kind: "iptables", passed: true, text: "docker and ufw: accepted in the chain FORWARD" },
    { kind: "firewalld", passed: true, text: "firewalld: the bridge is in the zone trusted" },
  ],
};
const reported: Reported = { helper, helperProblem: null, limitsProblem: null };
const good: SystemFact = { bridge: "172.16.0.1/24", clash: null, tun: null, reported };
const of = (change: Partial<SystemFact>) => system({ system: { ...good, ...change } });
const having = (change: Partial<typeof helper>) => ({
  reported: { ...reported, helper: { ...helper, ...change } },
});

test("without system mode there is nothing to say", () => expect(system({ system: null })).toEqual([]));

test("where all is well each part is a line", () => {
  expect(of({}).map(({ name, status, text }) => [status, `${name}: ${text}`])).toEqual([
    ["ok", "root helper: version 1.0.0 answers"],
    ["ok", "bridge: 172.16.0.1/24, with 2 VMs"],
    ["ok", "nat: VMs on the bridge reach the network, and nothing outside reaches them"],
    ["ok", "firewall: docker and ufw: accepted in the chain FORWARD"],
    ["ok", "firewall: firewalld: the bridge is in the zone trusted"],
    ["ok", "tun: /dev/net/tun may be opened"],
    ["ok", "limits: each VM has a control group that limits its memory, CPU time and tasks"],
  ]);
});

const clash = { network: "172.16.0.0/16", device: "tun0", free: "172.24.0.1/24" };
const helperProblem = { why: "the root helper can't be asked: ENOENT", fix: "run it" };
const notPassed = (kind: FirewallStatus["kind"], text: string): FirewallStatus => ({ kind, passed: false, text });
const leftAlone = notPassed(
  "nftables",
  "nftables: the chain inet filter forward drops what it does not know, and was left alone",
);
const refused = notPassed("iptables", "docker: guests may not get through: iptables: not found");
const legacy = notPassed("iptables-legacy", "iptables-legacy: its table filter is in use, and was left alone");

test.each([
  [
    "no helper",
    { reported: { ...reported, helper: null, helperProblem } },
    "root helper",
    "failure",
    /ENOENT/,
    /^run it$/,
  ],
  ["no bridge", having({ bridge: null }), "bridge", "failure", /^there is no bridge/, /system restart/],
  [
    "another bridge than configured",
    { bridge: "10.1.0.1/24" },
    "bridge",
    "warning",
    /has 172.16.0.1.*says 10.1.0.1/,
    /restart/,
  ],
  [
    "a clash, and no bridge",
    { clash, ...having({ bridge: null }) },
    "bridge",
    "failure",
    /172.16.0.0\/16.*by tun0: no bridge is made/,
    /`bridge = "172.24.0.1\/24"`/,
  ],
  ["a clash that came later", { clash }, "bridge", "warning", /hides hosts/, /172.24.0.1/],
  [
    "a clash, and no free network",
    { clash: { ...clash, device: "", free: null } },
    "bridge",
    "warning",
    /reaches: a bridge/,
    /set another network below/,
  ],
  [
    "a packet filter that was taken away",
    having({ nat: false }),
    "nat",
    "failure",
    /not complete/,
    /sudo journalctl -u bangerd-root/,
  ],
  [
    "a firewall of nftables",
    having({ firewalls: [leftAlone] }),
    "firewall",
    "warning",
    /left alone$/,
    /docs\/privileges.md/,
  ],
  [
    "a firewall that can't be changed",
    having({ firewalls: [refused] }),
    "firewall",
    "warning",
    /not found$/,
    /br-banger/,
  ],
  [
    "the old iptables",
    having({ firewalls: [legacy] }),
    "firewall",
    "warning",
    /in use/,
    /^if `sudo iptables-legacy -S FORWARD` shows that it drops, run `sudo iptables-legacy -I FORWARD -i br-banger/,
  ],
  ["a tun of root's", { tun: "EACCES" }, "tun", "failure", /EACCES.*do not start/, /udev\/rules.d/],
  ["no tun", { tun: "ENOENT" }, "tun", "failure", /ENOENT/, /modprobe tun/],
  ["a tun without its module", { tun: "ENODEV" }, "tun", "failure", /ENODEV/, /modprobe tun/],
  ["a tun in a container", { tun: "EPERM" }, "tun", "failure", /EPERM/, /--device/],
  ["another error of tun's", { tun: "EIO" }, "tun", "failure", /EIO/, /ls -l/],
  [
    "no control groups",
    { reported: { ...reported, limitsProblem: "no cgroup v2" } },
    "limits",
    "warning",
    /no cgroup v2$/,
    /unified/,
  ],
] as [string, Partial<SystemFact>, string, string, RegExp, RegExp][])("%s", (_, change, name, status, text, fix) => {
  const [finding] = of(change).filter((one) => one.status !== "ok");
  expect(finding).toEqual({
    name,
    status,
    text: expect.stringMatching(text),
    fix: expect.stringMatching(fix),
  } as never);
});

test("without a daemon that reports it, only what this process sees is judged", () => {
  expect(of({ reported: null }).map(({ name }) => name)).toEqual(["tun"]);
  expect(of({ reported: null, clash }).map(({ name, status }) => [name, status])).toEqual([
    ["bridge", "warning"],
    ["tun", "ok"],
  ]);
});

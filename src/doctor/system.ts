/** The bridge, its way past the host's firewalls, and the limits of VMs, in system mode. Pure. */
import type { HostInfo } from "../api/types.ts";
import { count } from "../base/text.ts";
import type { Finding } from "./checks.ts";
import type { CheckFacts } from "./facts.ts";

export type SystemFact = {
  /** from the config, as `172.16.0.1/24` */
  bridge: string;
  /** another route of this host that the bridge's network overlaps with; null: none is known */
  clash: {
    /** as `172.16.0.0/16` */
    network: string;
    device: string;
    /** a bridge that overlaps with none, as `172.24.0.1/24` */
    free: string | null;
  } | null;
  /** of opening /dev/net/tun as this user: `EACCES`; null: it can be opened */
  tun: string | null;
  /** as the daemon has it; null: it is not running, or too old to report it */
  reported: HostInfo["system"];
};

type Reported = NonNullable<HostInfo["system"]>;
type HelperFacts = NonNullable<Reported["helper"]>;

/** None without system mode. */
export function system({ system: fact }: Pick<CheckFacts, "system">): Finding[] {
  if (fact === null) return [];
  const { reported } = fact;
  if (reported === null) return [...clash(fact, null), tun(fact)];
  const { helper } = reported;
  const about = helper
    ? [bridge(fact, helper.bridge, helper.taps), nat(helper.nat), ...firewalls(helper.firewalls)]
    : [];
  return [helperOf(reported), ...clash(fact, helper && helper.bridge !== null), ...about, tun(fact), limits(reported)];
}

function helperOf({ helper, helperProblem }: Reported): Finding {
  const name = "root helper";
  if (helper) return { name, status: "ok", text: `version ${helper.version} answers` };
  return {
    name,
    status: "failure",
    text: helperProblem?.why ?? "it does not answer",
    fix: helperProblem?.fix ?? restart,
  };
}

const restart =
  "run `sudo banger system restart`; `sudo journalctl -u bangerd-root.service` says what the helper could not do";

/** The helper looks for one only before it makes a bridge; a VPN may come later. @param isMade null: nobody knows */
function clash({ bridge: wanted, clash: found }: SystemFact, isMade: boolean | null): Finding[] {
  if (found === null) return [];
  const way = found.device === "" ? "" : ` by ${found.device}`;
  const choice = found.free === null ? "another network" : `\`bridge = "${found.free}"\``;
  const effect =
    isMade === false ? "no bridge is made there" : "a bridge there hides hosts of that network, or they hide VMs";
  return [
    {
      name: "bridge",
      status: isMade === false ? "failure" : "warning",
      text: `${wanted} overlaps with ${found.network}, which this host reaches${way}: ${effect}`,
      fix: `set ${choice} below [network] in the config, then run \`sudo banger system restart\``,
    },
  ];
}

function bridge({ bridge: wanted }: SystemFact, actual: string | null, taps: number): Finding {
  const name = "bridge";
  if (actual === null) return { name, status: "failure", text: "there is no bridge", fix: restart };
  if (actual === wanted) return { name, status: "ok", text: `${actual}, with ${count(taps, "VM")}` };
  const text = `it has ${actual}, and the config says ${wanted}`;
  const fix = "`sudo banger system restart` changes it; running VMs have no network until they are started again";
  return { name, status: "warning", text, fix };
}

function nat(isComplete: boolean): Finding {
  const name = "nat";
  if (isComplete)
    return { name, status: "ok", text: "VMs on the bridge reach the network, and nothing outside reaches them" };
  return { name, status: "failure", text: "the packet filter of the bridge is not complete", fix: restart };
}

const acceptLegacy = [
  "if `sudo iptables-legacy -S FORWARD` shows that it drops, run `sudo iptables-legacy -I FORWARD -i br-banger -j ACCEPT`",
  "and `sudo iptables-legacy -I FORWARD -o br-banger -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`",
].join(" ");

function firewalls(found: HelperFacts["firewalls"]): Finding[] {
  return found.map(({ kind, passed, text }): Finding => {
    const name = "firewall";
    if (passed) return { name, status: "ok", text };
    const fix = "have it accept what comes from and goes to br-banger: docs/privileges.md";
    return { name, status: "warning", text, fix: kind === "iptables-legacy" ? acceptLegacy : fix };
  });
}

const rule =
  'run `sudo chmod 666 /dev/net/tun`, and to make that permanent put `KERNEL=="tun", MODE="0666"` into /etc/udev/rules.d/65-tun.rules';

const tunFixes: Record<string, string> = {
  EACCES: rule,
  ENOENT: "run `sudo modprobe tun`",
  ENODEV: "run `sudo modprobe tun`",
  EPERM:
    "the device policy of a container forbids it: start the container with the device, as in `--device /dev/net/tun`",
};

/** Each VMM opens its interface as the owner. */
function tun({ tun: code }: SystemFact): Finding {
  const name = "tun";
  if (code === null) return { name, status: "ok", text: "/dev/net/tun may be opened" };
  const text = `/dev/net/tun can't be opened by you (${code}): VMs on the bridge do not start`;
  return {
    name,
    status: "failure",
    text,
    fix: tunFixes[code] ?? "run `sudo modprobe tun`, and look at `ls -l /dev/net/tun`",
  };
}

function limits({ limitsProblem }: Reported): Finding {
  const name = "limits";
  if (limitsProblem === null)
    return { name, status: "ok", text: "each VM has a control group that limits its memory, CPU time and tasks" };
  const fix =
    "boot with `systemd.unified_cgroup_hierarchy=1`, without the controllers in `cgroup_disable=`; then run `sudo banger system restart`";
  return { name, status: "warning", text: `VMs have no limits of their own: ${limitsProblem}`, fix };
}

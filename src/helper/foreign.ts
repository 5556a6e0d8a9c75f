/** Gets guests through the host's other firewalls, and takes back what was done for that. */
import type { Exec } from "../host/process/exec.ts";
import { bridgeName } from "../model/bridge.ts";
import type { FirewallStatus } from "../wire/helper/verbs.ts";
import { type Firewalls, iptablesPlan, iptablesRemoval, readFirewalls } from "./firewalls.ts";
import { HelperError } from "./helper-error.ts";
import { attempt, run, succeeds } from "./tools.ts";

/** of firewalld's own: it lets everything pass; our table says what guests may */
const zone = "trusted";

export async function findFirewalls(exec: Exec): Promise<Firewalls> {
  const found = readFirewalls(await run(exec, ["nft", "--json", "list", "chains"]));
  if (!found) throw new HelperError("failed", "nft printed no list of chains");
  return found;
}

/** What was done at one firewall; `status` is null where nothing is needed. */
type Passage = { status: FirewallStatus | null; changed: boolean };

/**
 * Lets guests through each of them. One that can't be changed is no failure: its status says so, and guests may get through anyway.
 * @param asksFirewalld whether firewalld may have forgotten the bridge
 */
export async function passFirewalls(
  exec: Exec,
  found: Firewalls,
  asksFirewalld: boolean,
): Promise<{ firewalls: FirewallStatus[]; changed: boolean }> {
  const owners = found.owners.join(" and ");
  const passages: Passage[] = [];
  for (const chain of found.iptables)
    passages.push(await orSaid("iptables", owners, () => passChain(exec, owners, chain)));
  if (found.firewalld) passages.push(await orSaid("firewalld", "firewalld", () => passFirewalld(exec, asksFirewalld)));
  for (const chain of found.foreign) {
    const text = `nftables: the chain ${chain} drops what it does not know, and was left alone`;
    passages.push({ status: { kind: "nftables", passed: false, text }, changed: false });
  }
  return {
    firewalls: passages.flatMap(({ status }) => status ?? []),
    changed: passages.some(({ changed }) => changed),
  };
}

async function orSaid(kind: FirewallStatus["kind"], name: string, pass: () => Promise<Passage>): Promise<Passage> {
  try {
    return await pass();
  } catch (error) {
    if (!(error instanceof HelperError)) throw error;
    const text = `${name}: guests may not get through: ${error.message}`;
    return { status: { kind, passed: false, text }, changed: false };
  }
}

/** Our rules at the head of a chain of `ip filter` that drops something. Docker and ufw put theirs there with the same program. */
async function passChain(exec: Exec, owners: string, chain: Firewalls["iptables"][number]): Promise<Passage> {
  const before = await run(exec, ["iptables", "-S", chain]);
  const plan = iptablesPlan(chain, before);
  for (const args of plan) await run(exec, ["iptables", ...args]);
  const isPassed = plan.length > 0 || iptablesRemoval(chain, before).length > 0;
  const status: FirewallStatus = { kind: "iptables", passed: true, text: `${owners}: accepted in the chain ${chain}` };
  return { status: isPassed ? status : null, changed: plan.length > 0 };
}

/** The bridge in a zone that lets it through, until firewalld is started again. */
async function passFirewalld(exec: Exec, asks: boolean): Promise<Passage> {
  const text = `firewalld: the bridge is in the zone ${zone}`;
  const status: FirewallStatus = { kind: "firewalld", passed: true, text };
  if (!asks) return { status, changed: false };
  const { output } = await attempt(exec, ["firewall-cmd", `--get-zone-of-interface=${bridgeName}`]);
  if (output.trim() === zone) return { status, changed: false };
  await run(exec, ["firewall-cmd", `--zone=${zone}`, `--change-interface=${bridgeName}`]);
  return { status, changed: true };
}

/** Removes our rules and the bridge's zone; what fails is left, because a firewall may be on its way out itself. */
export async function leaveFirewalls(exec: Exec): Promise<void> {
  const found = await findFirewalls(exec);
  for (const chain of found.iptables) {
    const removal = iptablesRemoval(chain, await run(exec, ["iptables", "-S", chain]));
    for (const args of removal) await run(exec, ["iptables", ...args]);
  }
  if (found.firewalld) await succeeds(exec, ["firewall-cmd", `--zone=${zone}`, `--remove-interface=${bridgeName}`]);
}

/** Gets guests through the host's other firewalls, and takes back what was done for that. */
import type { Exec } from "../host/process/exec.ts";
import { bridgeName } from "../model/bridge.ts";
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

/**
 * Our rules at the head of the chains of `ip filter` that drop something. Docker and ufw put theirs there with the same program.
 * @returns a line for each chain that has them, and whether something had to be changed
 */
export async function passIptables(exec: Exec, found: Firewalls): Promise<{ lines: string[]; changed: boolean }> {
  const lines: string[] = [];
  let changed = false;
  for (const chain of found.iptables) {
    const before = await run(exec, ["iptables", "-S", chain]);
    const plan = iptablesPlan(chain, before);
    for (const args of plan) await run(exec, ["iptables", ...args]);
    if (plan.length > 0) changed = true;
    if (plan.length > 0 || iptablesRemoval(chain, before).length > 0)
      lines.push(`${found.owners.join(" and ")}: accepted in the chain ${chain}`);
  }
  return { lines, changed };
}

/** The bridge in a zone that lets it through, until firewalld is started again. @returns whether it was put there now */
export async function passFirewalld(exec: Exec): Promise<boolean> {
  const { output } = await attempt(exec, ["firewall-cmd", `--get-zone-of-interface=${bridgeName}`]);
  if (output.trim() === zone) return false;
  await run(exec, ["firewall-cmd", `--zone=${zone}`, `--change-interface=${bridgeName}`]);
  return true;
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

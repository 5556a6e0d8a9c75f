/** Whether names of VMs reach this host's programs, in system mode. Pure. */
import type { Finding } from "./checks.ts";
import type { CheckFacts } from "./facts.ts";

/** What came of asking for the name that always has the bridge's address. */
export type DnsFact = {
  /** the bridge's, as `172.16.0.1` */
  address: string;
  /** asked at that address itself: the right answer, another one, or none */
  server: "right" | "other" | "none";
  /** what the host's resolver has for it, as programs ask it; empty: nothing */
  resolved: readonly string[];
};

const name = "dns";

/** None without system mode. */
export function dns({ dns: fact }: Pick<CheckFacts, "dns">): Finding[] {
  return fact === null ? [] : [{ name, ...judge(fact) }];
}

function judge({ address, server, resolved }: DnsFact): Omit<Finding, "name"> {
  if (server === "none")
    return {
      status: "failure",
      text: `nothing answers for the names of VMs at ${address} port 53`,
      fix: "run `sudo banger system restart`; the daemon's log says why when that does not help",
    };
  if (server === "other")
    return {
      status: "failure",
      text: `a program other than the daemon answers at ${address} port 53`,
      fix: "`sudo ss -lnptu sport = :53` shows which one: have it listen on addresses of its own instead of on all",
    };
  if (resolved.includes(address)) return { status: "ok", text: `names below .vm are looked up at ${address}` };
  const found = resolved.length === 0 ? "finds no name below .vm" : `has ${resolved.join(", ")} for a name below .vm`;
  return {
    status: "warning",
    text: `the daemon answers for the names of VMs at ${address}, but this host's resolver ${found}`,
    fix: "with systemd-resolved, run `sudo banger system restart`; with another resolver, docs/dns-routing.md has the lines that it needs",
  };
}

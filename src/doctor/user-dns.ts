/** Whether names of a user's own VMs reach this host's programs. Pure. */
import type { HostInfo } from "../api/types.ts";
import type { Finding } from "./checks.ts";
import type { DnsFact } from "./dns.ts";
import type { CheckFacts } from "./facts.ts";

export type UserDnsFact = {
  /** as the daemon has it */
  reported: NonNullable<HostInfo["dns"]>;
  /** `dns_port` of the config as it is now */
  configured: number;
  /** what came of asking at the reported port; null: there is none */
  tried: DnsFact | null;
  /** this host's resolver is systemd-resolved */
  usesResolved: boolean;
};

type Judged = Omit<Finding, "name">;

/** None in system mode, and while the daemon does not run. */
export function userDns({ userDns: fact }: Pick<CheckFacts, "userDns">): Finding[] {
  return fact === null ? [] : [{ name: "dns", ...judge(fact) }];
}

const restart = "run `banger daemon stop`: the next command starts a new one, and VMs keep running";

function judge({ reported: { asked, port, problem }, configured, tried, usesResolved }: UserDnsFact): Judged {
  if (asked !== configured)
    return {
      status: "warning",
      text: `the daemon was started with dns_port = ${asked}, and the config has ${configured}`,
      fix: restart,
    };
  if (problem !== null)
    return {
      status: "warning",
      text: `names of VMs are not answered: ${problem}`,
      fix: `set \`dns_port\` in the config to a free port, and ${restart}`,
    };
  if (port === null || tried === null) return { status: "ok", text: "names of VMs are not answered: dns_port is 0" };
  return judgeServer(tried, asked, port, usesResolved);
}

/** A route to the server is the user's choice, so that there is none is no fault. */
function judgeServer({ address, server, resolved }: DnsFact, asked: number, port: number, usesResolved: boolean) {
  const at = `${address} port ${port}`;
  if (server !== "right")
    return {
      status: "warning",
      text: `the daemon does not answer for the names of VMs at ${at}`,
      fix: restart,
    } as const;
  const moved = port === asked ? "" : `, because port ${asked} is taken`;
  const answered = `names of VMs are answered at ${at}${moved}`;
  if (resolved.length === 0)
    return {
      status: "ok",
      text: `${answered}; for \`NAME.vm\` in every program ${lines(port, usesResolved)}`,
    } as const;
  if (!resolved.includes(address))
    return {
      status: "warning",
      text: `${answered}, but this host's resolver has ${resolved.join(", ")} for a name below .vm`,
      fix: lines(port, usesResolved),
    } as const;
  if (port === asked) return { status: "ok", text: `${answered}, and this host's resolver asks there` } as const;
  return {
    status: "warning",
    text: `${answered}; this host's resolver asks a daemon, and perhaps the one at port ${asked}`,
    fix: `set \`dns_port\` in the config to a port that is free, ${restart}; then ${lines(port, usesResolved)}`,
  } as const;
}

/** One line of a shell that gives systemd-resolved its drop-in, resolved.conf(5). */
export function resolvedCommand(port: number): string {
  const folder = "/etc/systemd/resolved.conf.d";
  const drop = `printf '[Resolve]\\nDNS=127.0.0.1:${port}\\nDomains=~vm\\n' | sudo tee ${folder}/banger.conf`;
  return `sudo mkdir -p ${folder} && ${drop} && sudo systemctl restart systemd-resolved`;
}

function lines(port: number, usesResolved: boolean): string {
  return usesResolved
    ? `run \`${resolvedCommand(port)}\` (docs/dns-routing.md)`
    : `give this host's resolver the lines of docs/dns-routing.md`;
}

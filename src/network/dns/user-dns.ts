/** The DNS server of a user's own daemon: the names of its VMs on the host's loopback, at a port that needs no privileges. */
import { isError } from "../../base/errors/error.ts";
import type { Logger } from "../../host/log.ts";
import type { DnsOptions, DnsServer } from "./server.ts";
import type { DnsNetwork, VmNames } from "./zones.ts";

/** Nothing outside of this host reaches it, and VMs' loopback addresses are in it. */
export const loopbackNetwork: DnsNetwork = { address: "127.0.0.1", prefix: 8 };

/** How names are answered, for `banger doctor`. */
export type UserDnsState = {
  /** `dns_port` of the config when the daemon started; 0: names are not answered */
  asked: number;
  /** at which names are answered, UDP and TCP; null: they are not */
  port: number | null;
  /** why they are not, as a clause; null: they are, or need not be */
  problem: string | null;
};

export type UserDnsDeps = {
  /** `startDns` */
  start(options: DnsOptions): Promise<DnsServer>;
  names: VmNames;
  log: Logger;
};

export type UserDns = {
  /** Called once. @param asked `dns_port` of the config */
  begin(asked: () => Promise<number>): Promise<void>;
  /** Waits until `begin` has come to an end. Never rejects. */
  state(): Promise<UserDnsState>;
  close(): void;
};

/** ports that are tried, one after the other: other users' daemons have some of them */
const attempts = 16;

/** `asked` and those that follow it. Pure. */
export function portsToTry(asked: number): number[] {
  const count = asked === 0 ? 0 : Math.min(attempts, 65_536 - asked);
  return Array.from({ length: count }, (_, index) => asked + index);
}

export function createUserDns(deps: UserDnsDeps): UserDns {
  const known = Promise.withResolvers<UserDnsState>();
  let server: DnsServer | null = null;
  let isClosed = false;
  return {
    async begin(asked) {
      const { state, server: started } = await serve(deps, asked);
      known.resolve(state);
      server = started;
      if (isClosed) server?.close();
    },
    state: () => known.promise,
    close() {
      isClosed = true;
      server?.close();
    },
  };
}

type Served = { state: UserDnsState; server: DnsServer | null };

async function serve({ start, names, log }: UserDnsDeps, ask: () => Promise<number>): Promise<Served> {
  let asked = 0;
  let problem: string | null = null;
  try {
    asked = await ask();
    for (const port of portsToTry(asked)) {
      const server = await orTaken(start({ network: loopbackNetwork, names, log, port }));
      if (server === null) continue;
      log.info("names of VMs are answered", { address: loopbackNetwork.address, port });
      return { state: { asked, port, problem: null }, server };
    }
    if (asked !== 0) problem = allTaken(portsToTry(asked));
  } catch (error) {
    problem = reasonOf(error);
  }
  if (problem !== null) log.warn("names of VMs are not answered", { why: problem });
  return { state: { asked, port: null, problem }, server: null };
}

/** Null for a port that is taken. */
async function orTaken(starting: Promise<DnsServer>): Promise<DnsServer | null> {
  try {
    return await starting;
  } catch (error) {
    if (isError(error, "DNS_UNAVAILABLE") && error.details["reason"] === "EADDRINUSE") return null;
    throw error;
  }
}

function allTaken(ports: readonly number[]): string {
  const [first, last] = [ports[0], ports.at(-1)];
  return first === last ? `port ${first} is taken` : `ports ${first} to ${last} are taken`;
}

function reasonOf(error: unknown): string {
  if (!isError(error, "DNS_UNAVAILABLE")) return error instanceof Error ? error.message : String(error);
  const { port, reason } = error.details;
  return reason === "EACCES" ? `port ${port} is for root alone` : `port ${port}: ${reason}`;
}

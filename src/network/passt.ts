/** passt's command line, with the guard before it. Pure. */
import { gateway, guestAddress, guestPrefix, resolver } from "./plan.ts";

export type PasstFacts = {
  /** path of `banger-vsock-agent` */
  agent: string;
  /** path of passt */
  program: string;
  socket: string;
  log: string;
  /** networks out of the guest's reach, beside those that no guest reaches; each as `10.0.0.0/8` */
  denied: readonly string[];
};

/**
 * `netguard` makes the socket, starts passt on a socket pair and drops what a guest must not reach: older passts connect to
 * 127.0.0.1 when a guest's packet says so. It prints the pid of the process that stays, and ends once passt is set up.
 */
export function guardedPasst(facts: PasstFacts): string[] {
  const policy = ["--resolver", resolver, ...facts.denied.flatMap((network) => ["--deny", network])];
  return [facts.agent, "netguard", "--listen", facts.socket, ...policy, "--", ...passtArgs(facts)];
}

/** Detaches itself; root's becomes `nobody`, which is fine as it is handed its line. */
function passtArgs(facts: PasstFacts): string[] {
  return [
    facts.program,
    // the line that `netguard` hands it; ends with it
    ...["--fd", "3"],
    // else the gateway's address would lead to the host's loopback
    "--no-map-gw",
    "--ipv4-only",
    ...["--address", guestAddress, "--netmask", String(guestPrefix), "--gateway", gateway],
    // to the first of the host's resolvers, also one on its loopback; naming that by --dns would end this
    ...["--dns-forward", resolver],
    // the agent sets addresses; nothing is asked on the link
    ...["--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra"],
    ...["--tcp-ports", "none", "--udp-ports", "none"],
    ...["--log-file", facts.log, "--log-size", "262144"],
  ];
}

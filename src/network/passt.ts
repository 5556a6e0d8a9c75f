/** passt's command line, started through `netguard`. Pure. */
import { gateway, guestAddress, guestPrefix, resolver } from "./plan.ts";

/**
 * How `netguard` gets the guest's frames. `stream`: it makes the socket, and the VMM connects to it. `agent`: the VMM makes the
 * socket for its vsock, and `netguard` connects through it to the guest's agent.
 */
export type GuestLine = { kind: "stream" | "agent"; socket: string };

export type PasstFacts = {
  /** path of `banger-vsock-agent` */
  agent: string;
  /** path of passt */
  program: string;
  line: GuestLine;
  log: string;
  /** networks that the guest must not reach, besides those that no guest reaches; each as `10.0.0.0/8` */
  denied: readonly string[];
  /** the host has no default route, from whose interface older passts take a MAC address, and end when there is none */
  isOffline?: boolean;
};

/** passt's own default of later versions, locally administered: what the guest sees as its gateway's. */
const passtMac = "9a:55:9a:55:9a:55";

/**
 * `netguard` starts passt on a socket pair and drops packets to denied destinations: older passts connect to 127.0.0.1 for a
 * guest. The command prints the pid of the process that stays, and exits once passt is set up.
 */
export function guardedPasst(facts: PasstFacts): string[] {
  const line = [facts.line.kind === "stream" ? "--listen" : "--vsock", facts.line.socket];
  const policy = ["--resolver", resolver, ...facts.denied.flatMap((network) => ["--deny", network])];
  return [facts.agent, "netguard", ...line, ...policy, "--", ...passtArgs(facts)];
}

/** passt detaches itself. Started by root it becomes `nobody`, which is fine, as it inherits its socket. */
function passtArgs(facts: PasstFacts): string[] {
  return [
    facts.program,
    // the socket from `netguard`; passt ends when it is closed
    ...["--fd", "3"],
    // otherwise the gateway's address leads to the host's loopback
    "--no-map-gw",
    "--ipv4-only",
    ...["--address", guestAddress, "--netmask", String(guestPrefix), "--gateway", gateway],
    // forwards to the host's first resolver, even on its loopback; --dns with that address would disable this
    ...["--dns-forward", resolver],
    // an interface that is always there; connections are made by the host's routes all the same, also by those that come later
    ...(facts.isOffline ? ["--interface", "lo", "--mac-addr", passtMac] : []),
    // the agent sets addresses, so the link needs no DHCP, NDP or RA
    ...["--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra"],
    ...["--tcp-ports", "none", "--udp-ports", "none"],
    ...["--log-file", facts.log, "--log-size", "262144"],
  ];
}

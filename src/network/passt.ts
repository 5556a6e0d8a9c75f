/** passt's command line. Pure. */
import { gateway, guestAddress, guestPrefix, isLoopback, parseResolvConf, resolver } from "./plan.ts";

export type PasstFacts = {
  program: string;
  socket: string;
  log: string;
  pidFile: string;
  /** of the user that runs banger */
  uid: number;
  gid: number;
  /** the host's `/etc/resolv.conf` */
  resolvConf: string;
  /** this passt knows `--dns-host`, so it forwards to a resolver on the host's loopback by itself */
  knowsDnsHost: boolean;
};

/** Without `--foreground` passt detaches itself once its socket listens; `pidFile` is written by then. */
export function passtArgs(facts: PasstFacts): string[] {
  return [
    facts.program,
    // ends with its VM
    "--one-off",
    // else the gateway's address would lead to the host's loopback
    "--no-map-gw",
    "--ipv4-only",
    ...["--address", guestAddress, "--netmask", String(guestPrefix), "--gateway", gateway],
    ...["--dns-forward", resolver, ...loopbackResolver(facts)],
    // the agent sets addresses; nothing is asked on the link
    ...["--no-dhcp", "--no-dhcpv6", "--no-ndp", "--no-ra"],
    ...["--tcp-ports", "none", "--udp-ports", "none"],
    ...["--socket", facts.socket, "--log-file", facts.log, "--log-size", "262144", "--pid", facts.pidFile],
    // started by root it would become `nobody`, who can't leave a socket in the VM's folder; it drops its capabilities anyway
    ...(facts.uid === 0 ? ["--runas", `${facts.uid}:${facts.gid}`] : []),
  ];
}

/** Older ones drop a resolver on the loopback (127.0.0.53 of systemd-resolved) when the gateway is not mapped, unless named. */
function loopbackResolver(facts: PasstFacts): string[] {
  const [first] = parseResolvConf(facts.resolvConf).servers;
  return first !== undefined && isLoopback(first) && !facts.knowsDnsHost ? ["--dns", first] : [];
}

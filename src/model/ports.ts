/** Ports of guests on the host: what `--publish` takes, and what `vm ports` shows. Pure. */
import { parseIpv4 } from "../base/ipv4.ts";

/** A guest's port at a fixed address and port of the host. */
export type PublishedPort = {
  /** IPv4 address of the host */
  address: string;
  hostPort: number;
  guestPort: number;
};

/** `automatic`: a program in the guest listens; `published`: `--publish` asked for it. */
export const portKinds = ["automatic", "published"] as const;
export type PortKind = (typeof portKinds)[number];

/**
 * `open`: the daemon accepts connections for it; `taken`: another program of the host has the port; `failed`: the host refuses the
 * address or port for another reason; `closed`: the VM does not run.
 */
export const portStates = ["open", "taken", "failed", "closed"] as const;
export type PortState = (typeof portStates)[number];

/** A port of a guest, and where it is reached. */
export type PortView = {
  guestPort: number;
  address: string;
  hostPort: number;
  kind: PortKind;
  state: PortState;
  /** the guest listened on it before the VM's first session, as its image's services do */
  isService: boolean;
  /** why it is not open, as one sentence; null: it is, or its VM does not run */
  problem: string | null;
};

/** the most `--publish` of one VM */
export const maxPublished = 64;
/** the most ports of one VM that are forwarded without being asked for */
export const maxForwarded = 64;
/** Added to a port below 1024 that the daemon may not bind. */
export const privilegedShift = 10_000;

/**
 * docker's `[HOSTIP:]HOSTPORT:GUESTPORT[/tcp]`, for IPv4. Without an address it is the host's loopback, where docker takes every address.
 * Null: invalid, see `publishedProblem`.
 */
export function parsePublished(text: string): PublishedPort | null {
  const parts = text.replace(/\/tcp$/, "").split(":");
  const [guest, host, address = "127.0.0.1"] = parts.reverse();
  const guestPort = parsePort(guest ?? "");
  const hostPort = parsePort(host ?? "");
  if (parts.length > 3 || guestPort === null || hostPort === null || parseIpv4(address) === null) return null;
  return { address, hostPort, guestPort };
}

/** Why `parsePublished` refuses a text, worded to follow it. */
export function publishedProblem(text: string): string {
  if (/\/(?:udp|sctp)$/.test(text)) return "is not TCP, and only TCP ports can be published";
  if (text.includes("[")) return "has an IPv6 address, and ports are published on IPv4 addresses";
  if (/^\d+$/.test(text)) return "has no port of the host";
  if (/\d-\d/.test(text)) return "is a range: publish each port by itself";
  return "is not [HOSTIP:]HOSTPORT:GUESTPORT";
}

/** The first that has the host port of an earlier one; null: there is none. */
export function twicePublished(all: readonly PublishedPort[]): PublishedPort | null {
  const clashes = (one: PublishedPort, other: PublishedPort) =>
    one.hostPort === other.hostPort && (one.address === other.address || isAny(one) || isAny(other));
  return all.find((one, at) => all.slice(0, at).some((earlier) => clashes(one, earlier))) ?? null;
}

export function formatPublished({ address, hostPort, guestPort }: PublishedPort): string {
  return `${address}:${hostPort}:${guestPort}`;
}

function isAny({ address }: PublishedPort): boolean {
  return address === "0.0.0.0";
}

function parsePort(text: string): number | null {
  const port = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

/**
 * Ports that speak something else than HTTP wherever they are seen: IANA's registry and the defaults of common servers. For all others a
 * browser is worth a try, as VS Code and GitHub's codespaces assume, too.
 */
const notHttp: ReadonlySet<number> = new Set([
  ...[21, 22, 23, 25, 53, 110, 111, 139, 143, 389, 445, 465, 587, 636, 853, 993, 995, 1433, 1521, 1883, 2049, 2222],
  ...[3306, 3389, 4222, 5355, 5432, 5433, 5672, 5900, 6379, 6380, 7687, 9042, 9092, 9229, 11211, 27017, 33060],
]);
const https: ReadonlySet<number> = new Set([443, 8443, 9443]);

/** Where a guest's port is reached: a URL if it is likely HTTP, else `ADDRESS:PORT`. */
export function placeOfPort({
  guestPort,
  address,
  hostPort,
}: Pick<PortView, "guestPort" | "address" | "hostPort">): string {
  const host = address === "0.0.0.0" ? "127.0.0.1" : address;
  if (notHttp.has(guestPort)) return `${host}:${hostPort}`;
  const scheme = https.has(guestPort) ? "https" : "http";
  const isDefault = hostPort === (scheme === "https" ? 443 : 80);
  return `${scheme}://${host}${isDefault ? "" : `:${hostPort}`}`;
}

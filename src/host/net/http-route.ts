/**
 * Where a request goes: to a proxy, or to an address. A request that is bound to certain kinds of addresses is resolved
 * here, and goes to an address that was looked at: a second look-up could have another answer.
 */
import { lookup } from "node:dns/promises";
import { isLoopback } from "../../base/reference.ts";
import { describeZone, type Zone, zoneOfAddress, zoneOfHost } from "../../base/zone.ts";

/** Addresses of a name, IPv4 and IPv6. Rejects when there are none. */
export type Resolve = (hostname: string) => Promise<{ address: string; family: number }[]>;
export type Env = Record<string, string | undefined>;

export type RouteDeps = { resolve: Resolve; env: Env };
export const systemRoutes: RouteDeps = { resolve: (hostname) => lookup(hostname, { all: true }), env: process.env };

/** How `fetch` is to be called. */
export type Route = {
  url: string;
  /** absent: as the runtime decides by the environment */
  proxy?: string | false;
  /** the URL has an address: this is whom to ask for there */
  name?: { host: string; hostname: string };
};

/** Why there is no route. `problem` is half a sentence. */
export class RouteError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(problem);
    this.name = "RouteError";
    this.problem = problem;
  }
}

/**
 * To be tried in order.
 * @param zones kinds of addresses that may be connected to; undefined: any. Behind a proxy, which does the resolving,
 * only the name can be looked at
 * @throws RouteError, and what the resolver throws
 */
export async function routesTo(deps: RouteDeps, url: string, zones: readonly Zone[] | undefined): Promise<Route[]> {
  const { hostname, host } = new URL(url);
  // what is meant for this machine is not another's to see, whatever the proxy variables say
  const isHere = isLoopback(host);
  if (zones === undefined) return [isHere ? { url, proxy: false } : { url }];
  const zone = zoneOfHost(hostname);
  if (zone !== null) {
    if (!zones.includes(zone)) throw refusal(host, zone);
    return [isHere ? { url, proxy: false } : { url }];
  }
  const proxy = proxyFor(url, deps.env);
  if (proxy !== null) return [{ url, proxy }];
  const found = await deps.resolve(hostname);
  const allowed = found.filter(({ address }) => zones.includes(zoneOfAddress(address)));
  if (allowed.length === 0) throw refusal(host, zoneOfAddress(found[0]?.address ?? ""));
  // IPv4 first: where it is missing that shows at once, and IPv6 that leads nowhere would be waited for
  return allowed.toSorted((a, b) => a.family - b.family).map(({ address }) => addressed(url, address));
}

/** The zone of a URL's host: of all its addresses. Public when they differ, as that gives no rights. */
export async function zoneOfUrl(deps: RouteDeps, url: string): Promise<Zone> {
  const { hostname } = new URL(url);
  const zone = zoneOfHost(hostname);
  if (zone !== null) return zone;
  if (proxyFor(url, deps.env) !== null) return "public";
  const found = await deps.resolve(hostname).catch(() => []);
  const [first = "public", ...others] = new Set(found.map(({ address }) => zoneOfAddress(address)));
  return others.length === 0 ? first : "public";
}

/** As curl and the runtime read `http_proxy`, `https_proxy` and `no_proxy`. Null: without a proxy. */
export function proxyFor(url: string, env: Env): string | null {
  const { protocol, hostname, host } = new URL(url);
  const name = `${protocol.slice(0, -1)}_proxy`;
  const proxy = env[name] || env[name.toUpperCase()];
  if (!proxy) return null;
  const exceptions = (env["no_proxy"] || env["NO_PROXY"] || "")
    .split(",")
    .map((one) => one.trim().replace(/^\*?\./, ""));
  const isException = (one: string) =>
    one === "*" || (one !== "" && [hostname, host].some((text) => text === one || text.endsWith(`.${one}`)));
  if (exceptions.some(isException)) return null;
  return proxy.includes("://") ? proxy : `http://${proxy}`;
}

function addressed(text: string, address: string): Route {
  const url = new URL(text);
  const name = { host: url.host, hostname: url.hostname };
  url.hostname = address.includes(":") ? `[${address}]` : address;
  return { url: url.href, proxy: false, name };
}

function refusal(host: string, zone: Zone): RouteError {
  return new RouteError(`${host} is ${describeZone(zone)}, which no server elsewhere may send us to`);
}

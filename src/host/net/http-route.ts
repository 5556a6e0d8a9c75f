/**
 * Where a request goes: to a proxy, or to an address. A request that is restricted to certain zones is resolved here, and goes to an
 * address that was checked: a second lookup could return another one.
 */
import { lookup } from "node:dns/promises";
import { isLoopback } from "../../base/reference.ts";
import { describeZone, type Zone, zoneOfAddress, zoneOfHost } from "../../base/zone.ts";

/** Addresses of a name, IPv4 and IPv6. Rejects when there are none. */
export type Resolve = (hostname: string) => Promise<{ address: string; family: number }[]>;
export type Env = Record<string, string | undefined>;

export type RouteDeps = { resolve: Resolve; env: Env };
export const systemRoutes: RouteDeps = { resolve: (hostname) => lookup(hostname, { all: true }), env: process.env };

/** How to call `fetch`. */
export type Route = {
  url: string;
  /** absent: the runtime decides by the environment */
  proxy?: string | false;
  /** the URL contains an address: this is the host name to ask for there */
  name?: { host: string; hostname: string };
};

/** Why there is no route. `problem` is a clause. */
export class RouteError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(problem);
    this.name = "RouteError";
    this.problem = problem;
  }
}

/**
 * Routes to try in order.
 * @param zones the zones that may be connected to; undefined: any. Behind a proxy, which resolves names itself, only the name can be
 *   checked
 * @throws RouteError, and what the resolver throws
 */
export async function routesTo(deps: RouteDeps, url: string, zones: readonly Zone[] | undefined): Promise<Route[]> {
  const { hostname, host } = new URL(url);
  // requests to this machine must not reach another one, whatever the proxy variables are
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
  // IPv4 first: if it is missing, that fails at once, while IPv6 without a route would time out
  return allowed.toSorted((a, b) => a.family - b.family).map(({ address }) => addressed(url, address));
}

/** The zone of a URL's host, over all its addresses. Public when they differ, because that zone allows the least. */
export async function zoneOfUrl(deps: RouteDeps, url: string): Promise<Zone> {
  const { hostname } = new URL(url);
  const zone = zoneOfHost(hostname);
  if (zone !== null) return zone;
  if (proxyFor(url, deps.env) !== null) return "public";
  const found = await deps.resolve(hostname).catch(() => []);
  const [first = "public", ...others] = new Set(found.map(({ address }) => zoneOfAddress(address)));
  return others.length === 0 ? first : "public";
}

/** Like curl and the runtime, from `http_proxy`, `https_proxy` and `no_proxy`. Null: no proxy. */
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

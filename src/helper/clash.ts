/** Whether the bridge's network is in use on this host already, and one that is free: `ip -json route show`, ip-route(8). Pure. */
import { formatIpv4, isPrivate, parseIpv4 } from "../base/ipv4.ts";
import { recordOf } from "../base/untrusted-json.ts";
import { type BridgeSpec, bridgeName } from "../model/bridge.ts";
import { overlap, type Range, rangeOf } from "./networks.ts";

export type Route = { range: Range /** `10.0.0.0/8` */; text: string; device: string };

/** A route for more addresses leads to the internet (through a tunnel, as two halves), not to a local network; it is no clash. */
const shortestPrefix = 8;

/** The command line whose output `readRoutes` takes. */
export const listRoutes = ["ip", "-4", "-json", "route", "show", "table", "all"] as const;

/** @throws when the text is not what ip(8) prints */
export function readRoutes(text: string): Route[] {
  const parsed: unknown = JSON.parse(text);
  if (!Array.isArray(parsed)) throw new Error("ip printed no list of routes");
  return parsed.flatMap((member) => routeOf(recordOf(member)));
}

function routeOf(found: Record<string, unknown> | null): Route[] {
  const text = String(found?.["dst"]);
  const range = rangeOf(text);
  if (!range || range[1] - range[0] >= 2 ** (32 - shortestPrefix)) return [];
  return [{ range, text, device: String(found?.["dev"] ?? "") }];
}

/** The route that a bridge's network overlaps with; null: it is free. Routes of our own bridge don't count. */
export function clashOf(bridge: BridgeSpec, routes: readonly Route[]): Route | null {
  const range = rangeOf(`${bridge.address}/${bridge.prefix}`);
  const others = routes.filter(({ device }) => device !== bridgeName);
  return others.find((route) => range && overlap(route.range, range)) ?? null;
}

/** where a free network is looked for: first what home routers, VPNs and docker use least */
const places = ["172.16.0.0", "172.24.0.0", "10.213.0.0", "192.168.128.0"];

/** The first network of that prefix that no route overlaps with, as `172.16.4.1/24`; null when none of 64 in each place is free. */
export function freeBridge(prefix: number, routes: readonly Route[]): string | null {
  const size = 2 ** (32 - prefix);
  for (const place of places) {
    for (let step = 0; step < 64; step++) {
      const first = (parseIpv4(place) ?? 0) + step * size + 1;
      // large networks leave the private ones after a few steps
      if (!isPrivate(first)) break;
      const address = formatIpv4(first);
      if (!clashOf({ address, prefix }, routes)) return `${address}/${prefix}`;
    }
  }
  return null;
}

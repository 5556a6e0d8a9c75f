/** What an earlier helper kept, from what it left on the host: so that a restart of the helper takes no guest's network away. Pure. */
import { isVmId } from "../base/names.ts";
import { macOf, tapName, tapPrefix } from "../model/bridge.ts";
import { bridgeSpecOf, type Link, tapsOf } from "./links.ts";
import type { TableShape } from "./ruleset-shape.ts";
import type { FoundTables } from "./tables.ts";
import { addressProblem, nothingWanted, type Wanted, type WantedTap } from "./wanted.ts";

/**
 * Everything that is complete: a bridge with one address, and the VMs with an interface, an address and their MAC address in the tables.
 * What is not gets no network until the daemon asks for it again.
 */
export function recover(links: readonly Link[], found: FoundTables): Wanted {
  const bridge = bridgeSpecOf(links);
  if (!bridge || !found.bridge || !found.inet) return nothingWanted;
  const there = new Set(tapsOf(links));
  const empty: Wanted = { bridge, nat: "postrouting" in found.inet.chains, taps: [] };
  const taps = guestsOf(found.bridge, found.inet).filter(
    (tap) => there.has(tap.vm) && addressProblem(empty, tap) === null,
  );
  return { ...empty, taps: taps.sort((a, b) => (a.vm < b.vm ? -1 : 1)) };
}

function guestsOf({ sets }: TableShape, inet: TableShape): WantedTap[] {
  return (sets["guests"] ?? []).flatMap((element) => {
    const [name = "", mac, address = ""] = element.split(" . ");
    const vm = name.slice(tapPrefix.length);
    if (!isVmId(vm) || name !== tapName(vm) || mac !== macOf(vm)) return [];
    const deny = (inet.sets[`deny-${vm}`] ?? []).slice();
    return [{ vm, address, isolated: !(sets["open"] ?? []).includes(name), deny }];
  });
}

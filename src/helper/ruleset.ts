/**
 * The nftables tables of the bridge as data: nft(8). `ruleset-text.ts` writes them for nft, `ruleset-shape.ts` tells whether the kernel has them.
 * Nothing in them names another table: a verdict `accept` here leaves every other table its say, and `drop` ends it. Pure.
 */
import { bridgeTable } from "./bridge-table.ts";
import { flowsTable } from "./flows-table.ts";
import { inetTable } from "./inet-table.ts";
import type { Wanted } from "./wanted.ts";

export type NftSet = {
  name: string;
  /** as nft writes it: `ifname . ether_addr . ipv4_addr` */
  type: string;
  /** holds ranges */
  isInterval?: boolean;
  /** as nft writes them: `"bgr-abcd1234" . 02:00:00:00:00:01 . 172.16.0.2` */
  elements?: readonly string[];
  /** rules add the elements, at most `size` of them; each is removed so long after its last use */
  filled?: { size: number; timeout?: string };
};

export type NftChain = {
  name: string;
  /** null: other chains jump to it */
  hook: { type: "filter" | "nat"; hook: string; priority: number } | null;
  rules: readonly string[];
};

/** The tables, which are ours alone. */
export const tables = {
  bridge: { family: "bridge", name: "banger" },
  inet: { family: "inet", name: "banger" },
  flows: { family: "inet", name: "banger-flows" },
} as const;

export type TableId = keyof typeof tables;

export type NftTable = {
  id: TableId;
  sets: readonly NftSet[];
  chains: readonly NftChain[];
};

/** All tables, complete; none while no bridge is wanted. */
export function rulesetOf({ bridge, nat, taps }: Wanted): NftTable[] {
  return bridge ? [bridgeTable(taps), inetTable(bridge, nat, taps), flowsTable()] : [];
}

/**
 * How many connections each guest may hold in the host's connection tracking, which all of them share with the host: `table inet
 * banger-flows`. The counts live in its sets, and stay when the other tables are loaded again. Pure.
 */
import { bridgeName } from "../model/bridge.ts";
import type { NftTable } from "./ruleset.ts";

/**
 * At once, by guest. A connection that both ends have closed no longer counts: nf_conncount.c. The host has room for 262,144 where it has
 * 4 GiB of memory and more: Documentation/networking/nf_conntrack-sysctl.rst.
 */
const atOnce = 4096;
/**
 * New ones, by guest: what is closed stays in the host's table for up to two minutes (nf_conntrack_tcp_timeout_time_wait), so a guest that opens
 * and closes them as fast as it may has 28,000 there.
 */
const rate = "limit rate over 200/second burst 4096 packets";
/** by address: how many connections there are */
export const countSet = "count";
/** of addresses; a bridge has 1023 ports */
const size = 2048;

/** The kernel sends a host one ICMP error a second (icmp_ratelimit, icmp(7)), and TCP would wait for the others; resets have no such limit. */
const refusal = ["meta l4proto tcp reject with tcp reset", "reject with icmp type admin-prohibited"];
/** before the chains of the table `banger`, which accept */
const priority = -10;

export function flowsTable(): NftTable {
  const first = [`iifname "${bridgeName}" ct state new jump new-flow`];
  return {
    id: "flows",
    sets: [
      { name: countSet, type: "ipv4_addr", filled: { size } },
      { name: "rate", type: "ipv4_addr", filled: { size, timeout: "1m" } },
    ],
    chains: [
      { name: "refuse", hook: null, rules: refusal },
      {
        name: "new-flow",
        hook: null,
        rules: [
          `add @count { ip saddr ct count over ${atOnce} } jump refuse`,
          `update @rate { ip saddr ${rate} } jump refuse`,
        ],
      },
      { name: "forward", hook: { type: "filter", hook: "forward", priority }, rules: first },
      { name: "input", hook: { type: "filter", hook: "input", priority }, rules: first },
    ],
  };
}

/**
 * The loopback address that a VM keeps for life, on which the host reaches what listens in it (RFC 1122 3.2.1.3: all of 127.0.0.0/8 is this
 * host). Pure.
 *
 * Each user has a block of sixteen /24 networks between 127.16.0.0 and 127.254.255.255, chosen by uid, so that the daemons of two users seldom
 * want the same address; uids that are 3824 apart share one. The rest of 127.0.0.0/8 is left to others: 127.0.0.1, resolvers at
 * 127.0.0.53 and 127.0.0.54, and the low addresses that people pick by hand. No address ends in 0 or 255.
 */
import { formatIpv4, type Ipv4Network } from "../base/ipv4.ts";
import type { VmId } from "../base/names.ts";

const first = 127 * 2 ** 24 + 16 * 2 ** 16;
/** addresses of a /24 that are given */
const perNetwork = 254;
const networksPerBlock = 16;
const perBlock = networksPerBlock * perNetwork;
/** users without a block in common */
const blocks = ((254 - 16 + 1) * 256) / networksPerBlock;
const all = blocks * perBlock;

/** The user's own block, a /20. @param uid a negative one counts as root's */
export function loopbackBlock(uid: number): Ipv4Network {
  return { address: first + blockOf(uid) * networksPerBlock * 256, prefix: 20 };
}

/**
 * An address of the user's block that no VM has; once all 4064 are taken, the next free one behind the block. Where in the block it is depends on
 * the VM's id alone, so an address that was given up is seldom given again soon, and two daemons of one user seldom clash.
 * @param taken addresses of all VMs of the daemon
 * @throws Error when all addresses of all blocks are taken
 */
export function freeLoopbackAddress(uid: number, id: VmId, taken: ReadonlySet<string>): string {
  const block = blockOf(uid) * perBlock;
  const begin = hash(id) % perBlock;
  for (let step = 0; step < perBlock; step++) {
    const address = addressAt(block + ((begin + step) % perBlock));
    if (!taken.has(address)) return address;
  }
  for (let step = perBlock; step < all; step++) {
    const address = addressAt((block + step) % all);
    if (!taken.has(address)) return address;
  }
  throw new Error("every loopback address is taken");
}

function blockOf(uid: number): number {
  return Math.max(uid, 0) % blocks;
}

function addressAt(index: number): string {
  return formatIpv4(first + Math.floor(index / perNetwork) * 256 + 1 + (index % perNetwork));
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  return [...text].reduce((sum, letter) => Math.imul(sum ^ letter.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5);
}

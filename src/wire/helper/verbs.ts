/**
 * What the owner's daemon can ask of the root helper (`docs/privileges.md`). Each verb is idempotent: asking twice changes nothing the second
 * time. The helper derives every name on the host by itself; a request has none.
 *
 * A connection carries frames: the length of what follows as an unsigned 32-bit integer, little-endian, then JSON in UTF-8, at most
 * `maxFrame` bytes. A request is `{ id, verb, ... }`, its answer `{ id, result }` or `{ id, error: { kind, message } }`; answers come
 * in the order of the requests.
 */

import type { VmId } from "../../base/names.ts";

/** bytes of JSON in one frame */
export const maxFrame = 16 * 1024;

/** the most entries of `TapRequest.deny`, those that `lan` stands for included */
export const maxDenied = 256;

/** limits of lists in a status, and of a text in it in UTF-16 units, so that it fits into a frame: a bridge has room for 1023 ports */
export const [maxTaps, maxFirewalls, maxStatusText] = [1024, 16, 200];

export type BridgeRequest = {
  verb: "bridge.ensure";
  /** the host's address on the bridge */
  address: string;
  prefix: number;
};

export type TapRequest = {
  verb: "tap.create";
  /** id of the VM: the name of the interface and the MAC address are derived from it */
  vm: VmId;
  /** the only IPv4 address that the guest can use; in the bridge's network */
  address: string;
  /** whether other guests are out of its reach */
  isolated: boolean;
  /** networks that it can't reach, as `10.0.0.0/8` */
  deny: readonly string[];
};

export type HelperRequest =
  | BridgeRequest
  /** NAT for guests, and the filter that keeps everything else from being forwarded */
  | { verb: "nat.ensure" }
  | TapRequest
  | { verb: "tap.delete"; vm: VmId }
  /** has the host's resolver ask the bridge's address for names below `.vm` */
  | { verb: "resolver.route" }
  | { verb: "resolver.unroute" }
  | { verb: "status" };

export type HelperVerb = HelperRequest["verb"];

/** what the host has now */
export type HelperStatus = {
  version: string;
  pid: number;
  bridge: { address: string; prefix: number } | null;
  /** ids of VMs that have a TAP interface */
  taps: string[];
  /** the nftables table is complete */
  nat: boolean;
  /** who answers for `.vm`: `resolved` when routed there; else why not */
  resolver: { routed: true } | { routed: false; why: string };
  /** other firewalls on this host */
  firewalls: FirewallStatus[];
};

export const firewallKinds = ["iptables", "iptables-legacy", "firewalld", "nftables"] as const;

/** What was done at another firewall of the host so that guests get through. */
export type FirewallStatus = {
  kind: (typeof firewallKinds)[number];
  /** whether they do, as far as this firewall goes */
  passed: boolean;
  /** `docker: accepted in the chain FORWARD` */
  text: string;
};

/** `refused`: the request is not valid or not allowed; `failed`: the host did not let it be done; `clash`: the bridge's network is in use. */
export type HelperErrorKind = "refused" | "failed" | "clash";

export type HelperAnswer =
  | { id: number; result: Record<string, unknown> }
  | {
      id: number;
      error: { kind: HelperErrorKind; message: string /** a free network, with `clash` */; free?: string };
    };

/** the bridge's part of the daemon that asks the helper; implemented over the socket, and by a fake */
export type Helper = {
  ensureBridge(address: string, prefix: number): Promise<void>;
  ensureNat(): Promise<void>;
  createTap(tap: Omit<TapRequest, "verb">): Promise<void>;
  deleteTap(vm: VmId): Promise<void>;
  routeResolver(): Promise<void>;
  unrouteResolver(): Promise<void>;
  status(): Promise<HelperStatus>;
};

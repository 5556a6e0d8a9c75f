/** Wanted networks for tests. */
import type { VmId } from "../../base/names.ts";
import { defaultBridge } from "../../model/bridge.ts";
import type { Wanted, WantedTap } from "../wanted.ts";

export const vmA = "aaaa1111" as VmId;
export const vmB = "bbbb2222" as VmId;

/** isolated, and may reach everything */
export const tapA: WantedTap = { vm: vmA, address: "172.16.0.2", isolated: true, deny: [] };
/** open to other guests, and kept from two networks */
export const tapB: WantedTap = { vm: vmB, address: "172.16.0.3", isolated: false, deny: ["10.0.0.0/8", "10.1.0.0/16"] };

export const wantedTwo: Wanted = { bridge: defaultBridge, nat: true, taps: [tapA, tapB] };

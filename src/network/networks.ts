/** The networks of a host behind one door: the user's, and the bridge where there is one. */
import { fail } from "../base/errors/error.ts";
import type { VmId } from "../base/names.ts";
import type { NetworkKind } from "../model/network.ts";
import type { VmPaths } from "../model/paths.ts";
import type { ProcessRef } from "../model/vm.ts";
import type { NetDevice } from "../vmm/driver.ts";
import type { BridgeNetwork } from "./bridge.ts";
import type { Accepted, PreparedNetwork, UserNetwork } from "./user.ts";

type Wanted = { kind: NetworkKind; deny: readonly string[] };

/** Each method as `UserNetwork` has it. */
export type GuestNetworks = {
  kind(network: Wanted, accepted: Accepted): Promise<NetDevice["kind"]>;
  prepare(paths: VmPaths, network: Wanted, accepted: Accepted): Promise<PreparedNetwork>;
  stop(process: ProcessRef | null, paths: VmPaths): Promise<void>;
  forget(id: VmId): void;
};

/** @param bridge null: without system mode, where a VM on a bridge is refused: NETWORK_NEEDS_SYSTEM */
export function combineNetworks(user: UserNetwork, bridge: BridgeNetwork | null): GuestNetworks {
  const chosen = (kind: NetworkKind): UserNetwork | BridgeNetwork => {
    if (kind !== "bridge") return user;
    if (bridge) return bridge;
    throw fail("NETWORK_NEEDS_SYSTEM", { kind });
  };
  return {
    kind: async ({ kind, deny }, accepted) => chosen(kind).kind(deny, accepted),
    prepare: async (paths, { kind, deny }, accepted) => chosen(kind).prepare(paths, deny, accepted),
    async stop(process, paths) {
      if (process) await user.stop(process, paths);
      await bridge?.stop(paths);
    },
    forget: (id) => bridge?.forget(id),
  };
}

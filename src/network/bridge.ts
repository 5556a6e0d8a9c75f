/** A VM's place on the bridge of system mode: its TAP interface and its address. */
import type { VmId } from "../base/names.ts";
import type { VmPaths } from "../model/paths.ts";
import type { NetDevice } from "../vmm/driver.ts";
import type { PreparedNetwork } from "./user.ts";

type Accepted = readonly NetDevice["kind"][];

export type BridgeNetwork = {
  /** @throws NETWORK_FAILED when the VMM takes no TAP interface, or the bridge can't be had */
  kind(deny: readonly string[], accepted: Accepted): Promise<"tap">;
  /**
   * Gives the VM whose id is the name of its folder an address that it keeps, and a TAP interface of its own.
   * @param deny entries from the VM's spec
   * @throws NETWORK_FAILED
   */
  prepare(paths: VmPaths, deny: readonly string[], accepted: Accepted): Promise<PreparedNetwork>;
  /** Removes the TAP interface. A helper that does not answer removes it when it does again. */
  stop(paths: VmPaths): Promise<void>;
  /** The VM is gone for good: its address is free. */
  forget(id: VmId): void;
};

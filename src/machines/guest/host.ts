/** The host as policy sees it: the only way to files, processes and sockets. */

import type { VmId } from "../../base/names.ts";
import type { GuestNetwork, NetworkSpec } from "../../model/network.ts";
import type { VmPaths } from "../../model/paths.ts";
import type { ProcessRef } from "../../model/vm.ts";
import type { NetDevice } from "../../vmm/driver.ts";

export type PreparedNetwork = {
  device: NetDevice;
  identity: GuestNetwork;
  process: ProcessRef | null;
  /** a warning for the user: which fallback is used, and why */
  note?: string;
};

export type MachineNetwork = {
  /**
   * What kind the device will be: a VM restored from a save must have the same kind. @param network as in the VM's spec
   * @param accepted kinds that the VMM supports
   * @throws NETWORK_FAILED when there can be none
   */
  kind(network: GuestNetworkSpec, accepted: readonly NetDevice["kind"][]): Promise<NetDevice["kind"]>;
  /**
   * Makes the host's side of the network of the VM whose id is the name of its folder. A failure leaves no process behind.
   * @throws NETWORK_FAILED
   */
  prepare(paths: VmPaths, network: GuestNetworkSpec, accepted: readonly NetDevice["kind"][]): Promise<PreparedNetwork>;
  /** Removes what `prepare` made, and ends its process; what is gone already, or never was, is fine. */
  stop(process: ProcessRef | null, paths: VmPaths): Promise<void>;
  /** The VM is gone for good: its address is free. */
  forget(id: VmId): void;
};

/** Of a VM that has a network. */
export type GuestNetworkSpec = NetworkSpec & { kind: Exclude<NetworkSpec["kind"], "none"> };

export type MachineFiles = {
  ensureFolder(path: string): Promise<void>;
  /** missing is fine @throws NOT_REMOVED */
  removeTree(path: string): Promise<void>;
  /** names, empty when there is no such folder; those that are not UTF-8 as base/path-bytes.ts has them */
  listFolder(path: string): Promise<string[]>;
  /** free bytes of the file system of a folder */
  freeBytes(path: string): Promise<number>;
  /** where the file system of a path is mounted */
  mountPoint(path: string): Promise<string>;
  /** Whether so many bytes can be written to a folder, found by writing and removing them: a quota counts too. */
  hasRoom(folder: string, bytes: number): Promise<boolean>;
  /** allocated bytes of everything below `path`, 0 when it is missing */
  usedBytes(path: string): Promise<number>;
  /** the last `maxBytes` of a file as text, empty when it is missing */
  tail(path: string, maxBytes: number): Promise<string>;
  /** within one file system; replaces `to` */
  rename(from: string, to: string): Promise<void>;
  /** Copies a file by sharing its blocks, replacing `to`; false, and no file, where the file system can't do that. */
  shareBlocks(from: string, to: string): Promise<boolean>;
  /** These files and their folders survive the host's crash when it resolves. */
  makeDurable(paths: readonly string[]): Promise<void>;
  /** See `changeStamp` in host/files/files.ts; null for a file that is missing. */
  changeStamps(paths: readonly string[]): Promise<(string | null)[]>;
  /** See `contentStamp` in host/files/files.ts; null for a file that is missing. */
  contentStamps(paths: readonly string[]): Promise<(string | null)[]>;
};

/** What every guest of this host gets beside its own identity. */
export type GuestInheritance = {
  authorizedKeys: string[];
  environment: Record<string, string>;
  caCertificates: string[];
  /** what could not be passed on, and why */
  notes: string[];
};

/** Saved VMs: templates that new VMs begin from, and snapshots of one VM. */
import type { Digest, VmId } from "../base/names.ts";
import type { NetworkKind } from "./network.ts";
import type { SavedState } from "./saved-state.ts";
import type { ArtifactRef } from "./vm.ts";

/** What people see of that on which a template depends; the key holds all of it. */
export type TemplateFacts = {
  image: ArtifactRef;
  kernel: ArtifactRef;
  vcpu: number;
  /** in `MiB` */
  memoryMib: number;
  /** of the data disk, in bytes; a VM's may be larger */
  diskBytes: number;
  network: NetworkKind;
  /** `qemu 7.2.22 tcg` */
  vmm: string;
};

export type TemplateRecord = {
  /** over all that it depends on: another one can't stand in for it */
  key: Digest;
  facts: TemplateFacts;
  save: SavedState;
  /** on disk, in bytes */
  bytes: number;
  /** Unix time in `ms` */
  createdAt: number;
  lastUsedAt: number;
  /** how many VMs began from it */
  uses: number;
};

export type SnapshotRecord = {
  /** its folder's name */
  id: string;
  vm: VmId;
  /** unique for its VM */
  name: string;
  /** null: the VM was stopped, and only its disk was kept */
  save: SavedState | null;
  /** on disk, in bytes */
  bytes: number;
  /** Unix time in `ms` */
  createdAt: number;
};

/** A snapshot as the API shows it. */
export type SnapshotView = SnapshotRecord & { vmName: string };

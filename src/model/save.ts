/** Templates, which new VMs start from, and snapshots of one VM. */
import type { Digest, VmId } from "../base/names.ts";
import type { NetworkKind } from "./network.ts";
import type { SavedState } from "./saved-state.ts";
import type { ArtifactRef } from "./vm.ts";

/** The part of what a template depends on that is shown to users; the key covers all of it. */
export type TemplateFacts = {
  image: ArtifactRef;
  kernel: ArtifactRef;
  vcpu: number;
  /** in `MiB` */
  memoryMib: number;
  /** of the data disk, in bytes; a VM's disk may be larger */
  diskBytes: number;
  network: NetworkKind;
  /** its VMs can run VMs of their own */
  nested?: true;
  /** `qemu 7.2.22 tcg` */
  vmm: string;
};

export type TemplateRecord = {
  /** hash of everything that it depends on: a template with another key can't replace it */
  key: Digest;
  facts: TemplateFacts;
  save: SavedState;
  /** on disk, in bytes */
  bytes: number;
  /** Unix time in `ms` */
  createdAt: number;
  lastUsedAt: number;
  /** how many VMs started from it */
  uses: number;
};

export type SnapshotRecord = {
  /** its folder's name */
  id: string;
  vm: VmId;
  /** unique for its VM */
  name: string;
  /** null: the VM was stopped, so only its disk was saved */
  save: SavedState | null;
  /** on disk, in bytes */
  bytes: number;
  /** Unix time in `ms` */
  createdAt: number;
};

/** A snapshot in the API. */
export type SnapshotView = SnapshotRecord & { vmName: string };

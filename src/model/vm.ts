/** VMs as the store keeps them and the API shows them. */
import type { Digest, ImageName, VmId, VmName } from "../base/names.ts";
import type { NetworkSpec } from "./network.ts";
import type { SavedState } from "./saved-state.ts";

export const vmStates = [
  "creating",
  "stopped",
  "starting",
  "running",
  "paused",
  "stopping",
  "suspended",
  "failed",
  "deleting",
] as const;
export type VmState = (typeof vmStates)[number];

/** When a start counts as done: the image's services are up, or the agent answers. */
export const waitKinds = ["services", "agent"] as const;
export type WaitKind = (typeof waitKinds)[number];

/** An image or kernel as a VM holds it: the name that was asked for, and the content that it meant then. */
export type ArtifactRef = { name: ImageName; digest: Digest };

/** Everything decided about a VM before it is made; never changes afterwards but for `name`. */
export type VmSpec = {
  vcpu: number;
  /** guest memory in `MiB` */
  memoryMib: number;
  /** size of the data disk in bytes, sparse on the host */
  diskBytes: number;
  image: ArtifactRef;
  kernel: ArtifactRef;
  network: NetworkSpec;
  /** base environment of every command in the guest */
  env: Record<string, string>;
  /** suspended after so long without use, in `ms`; absent: never */
  idleMs?: number;
};

export type { ProcessRef } from "../base/process.ts";

export type VmFailure = {
  /** one sentence, as errors are written */
  reason: string;
  /** the console's last lines, control characters removed */
  console: string[];
};

/** Why a VM is paused that nobody paused. Its memory and disks are as they were when it stopped. */
export type PauseCause = {
  kind: PauseKind;
  /** one sentence, as errors are written */
  reason: string;
  /** what ends it, as hints are written */
  next: string;
  /** the last lines of the VMM's log where they say more, control characters removed */
  log: string[];
  /** Unix time in `ms` */
  at: number;
};

/**
 * `disk-full`: no space or quota on the host for what the guest writes; it resumes by itself when there is some. `file-limit`: a
 * file of its disk may grow no further (EFBIG).
 */
export const pauseKinds = ["disk-full", "file-limit", "io-error", "vmm-error"] as const;
export type PauseKind = (typeof pauseKinds)[number];

/**
 * What a VM met while it ran on. `network-lost`: nothing carries its network any more; `disk-error`: the host failed a read or write, and the guest
 * was told; `memory-failure`: of the host's hardware; `reset`: of the machine, by its VMM.
 */
export const troubleKinds = [
  "network-lost",
  "disk-error",
  "memory-failure",
  "watchdog",
  "guest-panic",
  "reset",
] as const;
export type TroubleKind = (typeof troubleKinds)[number];
export type VmTrouble = {
  kind: TroubleKind;
  /** one sentence, as errors are written */
  reason: string;
  /** what to do about it, as hints are written */
  next: string;
  /** Unix time in `ms` of the last time */
  at: number;
};

export type VmRecord = {
  id: VmId;
  name: VmName;
  state: VmState;
  spec: VmSpec;
  /** deleted when the session that made it ends */
  ephemeral: boolean;
  /** Unix time in `ms` */
  createdAt: number;
  startedAt: number | null;
  /** counts starts; a guest with an older generation is not spoken to */
  generation: number;
  failure: VmFailure | null;
  /** how the last start went, for `vm show`: `cold: no template` */
  startedHow: string | null;
  /** while it is `suspended` */
  suspended: Suspended | null;
  /** while it is `paused`; null: a user paused it */
  pausedBy: PauseCause | null;
  /** since its last start: one of a kind, the latest last */
  troubles: VmTrouble[];
};

export type Suspended = {
  /** what its memory was saved as */
  save: SavedState;
  /** `not used for 30m` */
  why: string;
  /** Unix time in `ms` */
  at: number;
};

/** What the API adds to a record when it is asked. */
export type VmView = VmRecord & {
  /** bytes of the VM's folder on the host */
  diskUsed: number;
  /** guest address where it has one */
  address: string | null;
  pid: number | null;
};

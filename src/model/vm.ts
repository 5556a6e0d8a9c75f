/** Records of VMs, in the store and the API. */
import type { Digest, ImageName, VmId, VmName } from "../base/names.ts";
import type { NetworkSpec } from "./network.ts";
import type { PublishedPort } from "./ports.ts";
import type { SavedState } from "./saved-state.ts";
import type { VmmSpec } from "./vmm.ts";

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

/** When a start is complete: the image's services are up, or the agent answers. */
export const waitKinds = ["services", "agent"] as const;
export type WaitKind = (typeof waitKinds)[number];

/** An image or kernel of a VM: the name that was asked for, and the content that it meant at that time. */
export type ArtifactRef = { name: ImageName; digest: Digest };

/** Everything that was decided about a VM before it was made; only `name` can change afterwards. */
export type VmSpec = {
  vcpu: number;
  /** guest memory in `MiB` */
  memoryMib: number;
  /** size of the data disk in bytes, sparse on the host */
  diskBytes: number;
  image: ArtifactRef;
  kernel: ArtifactRef;
  network: NetworkSpec;
  vmm: VmmSpec;
  /** base environment of all commands in the guest */
  env: Record<string, string>;
  /** the guest can run VMs of its own; absent: it can't */
  nested?: true;
  /** ports of the host that are forwarded to it while it runs; absent: none */
  publish?: readonly PublishedPort[];
  /** absent: what listens in the guest is forwarded on the VM's loopback address */
  forward?: false;
  /** ports of the host's 127.0.0.1 that the guest may reach; absent: none */
  allowHost?: readonly number[];
  /** time without use after which it is suspended, in `ms`; absent: never */
  idleMs?: number;
};

export type { ProcessRef } from "../base/process.ts";

export type VmFailure = {
  /** one sentence, in the style of error messages */
  reason: string;
  /** the console's last lines, control characters removed */
  console: string[];
  /** the last lines of its VMM's log where that is what failed, control characters removed */
  log?: string[];
};

/** Why a VM is paused though no user paused it. Its memory and disks are as they were when it stopped. */
export type PauseCause = {
  kind: PauseKind;
  /** one sentence, in the style of error messages */
  reason: string;
  /** what ends the pause, in the style of hints */
  next: string;
  /** the last lines of the VMM's log if they add something, control characters removed */
  log: string[];
  /** Unix time in `ms` */
  at: number;
};

/**
 * `disk-full`: no space or quota on the host for what the guest writes; the VM resumes when there is space. `file-limit`: a file of its
 * disk has reached the largest size allowed (EFBIG).
 */
export const pauseKinds = ["disk-full", "file-limit", "io-error", "vmm-error"] as const;
export type PauseKind = (typeof pauseKinds)[number];

/**
 * A fault of a VM that keeps running. `network-lost`: its network process ended; `disk-error`: the host failed a read or write, and
 * the guest got the error; `memory-failure`: of the host's hardware; `reset`: of the machine, by its VMM.
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
  /** one sentence, in the style of error messages */
  reason: string;
  /** what to do about it, in the style of hints */
  next: string;
  /** Unix time in `ms` of the last occurrence */
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
  /** counts starts; the daemon does not use an agent of an older generation */
  generation: number;
  failure: VmFailure | null;
  /** how the last start went, for `vm show`: `cold: no template` */
  startedHow: string | null;
  /** only while it is `suspended` */
  suspended: Suspended | null;
  /** only while it is `paused`; null: a user paused it */
  pausedBy: PauseCause | null;
  /** since its last start: one of each kind, the latest last */
  troubles: VmTrouble[];
  /** on the host's loopback, for what listens in the guest; the VM's own from its creation to its deletion (`loopback.ts`) */
  loopbackAddress: string;
  /** absolute paths in the guest of what `file_sync` has copied, or was about to copy: a saved image is without them */
  syncedPaths: string[];
  /** the entries of `file_sync` are copied once it has started for the first time */
  awaitsSync: boolean;
};

export type Suspended = {
  /** the saved memory and devices */
  save: SavedState;
  /** `not used for 30m` */
  why: string;
  /** Unix time in `ms` */
  at: number;
};

/** What the API adds to a record. */
export type VmView = VmRecord & {
  /** bytes of the VM's folder on the host */
  diskUsed: number;
  /** the guest's own address while it runs, if it has one; the host reaches only one on the bridge */
  address: string | null;
  pid: number | null;
};

/** Where this host reaches the VM: on the bridge the guest itself, else its forwarded ports. Null: nowhere now. */
export function addressOnHost(vm: VmView): string | null {
  return vm.spec.network.kind === "bridge" ? vm.address : vm.loopbackAddress;
}

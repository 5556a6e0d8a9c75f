/** What making and starting VMs needs beside the lower layers. */
import type { VmId } from "../../base/names.ts";
import type { Semaphore } from "../../base/semaphore.ts";
import type { NetworkRequest, NetworkSpec } from "../../model/network.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { TemplatesDeps, TemplatesState } from "../templates/context.ts";

/** A request's sizes; if absent, the config, the host or a constant decides. */
export type SizeRequest = { vcpu?: number; memoryMib?: number; diskBytes?: number };
export type Sizes = { vcpu: number; memoryMib: number; diskBytes: number; provenance: Record<string, string> };

export type StartTimings = {
  /** how long a restore may keep the next one waiting, in `ms` */
  restoreTurnMs: number;
};

export const startTimings: StartTimings = { restoreTurnMs: 2_000 };

/** Handed in by the composition root. */
export type StartDeps = TemplatesDeps & {
  timings: StartTimings;
  sizes(request: SizeRequest): Promise<Sizes>;
  /** What a new VM needs beside its VMM: memory in bytes (0: the kernel does not say), and the path of mkfs.ext4. */
  hostNeeds(): Promise<{ availableMemory: number; mkfs: string | null }>;
  /** A new VM's network, from the request and the config. */
  networkSpec(request: NetworkRequest): Promise<NetworkSpec>;
  /** Refills the reserve that lets things be removed from a full disk, if it was spent and there is space. */
  refillReserve(): Promise<void>;
  /** how many VMs may be restored at a time */
  restoresAtOnce: number;
};

/** Of this daemon, in memory. */
export type StartState = TemplatesState & {
  /** limits concurrent restores */
  restores: Semaphore;
  /** Called before a VM's VMM is made: reserves its published ports. Idempotent. @throws PORT_UNAVAILABLE */
  openPorts(vm: VmRecord): Promise<void>;
  /** Called when its VMM has ended, or was not made. */
  closePorts(id: VmId): void;
  /** Called when a VM is about to be removed, to drop its state in memory. */
  onRemove(id: VmId): void;
};

export type StartContext = StartDeps & StartState;

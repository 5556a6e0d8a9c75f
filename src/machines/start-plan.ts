/** How a VM is to be started, and how far that has got. */
import type { Emit } from "../model/event.ts";
import type { VmRecord } from "../model/vm.ts";
import type { OpenChange } from "../store/journal.ts";
import type { ReadyArtifacts } from "./artifacts.ts";
import type { LiveVm } from "./live.ts";
import type { Origin } from "./origin.ts";
import type { Phases } from "./phases.ts";
import type { Spare } from "./spares.ts";

export type StartPlan = {
  emit: Emit;
  /** the user has changed their mind, or something else shall be done with the VM */
  signal: AbortSignal;
  /** of these the second alone */
  interrupted?: AbortSignal;
  origin: Origin;
  /** the origin's files, which stay until this is disposed of */
  held?: DisposableStack;
  /** a VM of the origin that is held ready in this VM's folder */
  spare?: Spare | null;
  /** the VM's disk is what the origin wants already */
  hasDisk?: boolean;
  /** made ready already, when the VM is created and started in one go */
  artifacts?: ReadyArtifacts;
  /** of the work that came before */
  phases?: Phases;
  /** the VM's creation, which is complete when its VMM is noted */
  creating?: OpenChange;
};

export type Way = Spare | (Origin & { /** the VM's disk is what it wants */ hasDisk: boolean });

/** A start under way. */
export type Start = {
  vm: VmRecord;
  change: OpenChange;
  /** the VM's creation, as long as it isn't complete */
  creating: OpenChange | null;
  phases: Phases;
  /** the save has been handed to the VMM: what fails from then on may be its fault */
  isRestoring: boolean;
  /** once its VMM is noted */
  live: LiveVm | null;
};

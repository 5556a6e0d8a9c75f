/** One start of a VM: what it starts from, who waits for it, and how far it has got. */
import type { Emit } from "../../model/event.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { OpenChange } from "../../store/journal.ts";
import type { LiveVm } from "../guest/live.ts";
import { type UsableProbe, usableVmm } from "../guest/usable-vmm.ts";
import type { ReadyArtifacts } from "../images/artifacts.ts";
import { coldBoot, type SavedSource, type StartSource } from "../templates/start-source.ts";
import type { WarmVm } from "../templates/warm.ts";
import type { StartContext } from "./context.ts";
import { Phases } from "./phases.ts";

/** Who waits for a start. */
export type Caller = {
  emit: Emit;
  /** the user cancelled, or another operation interrupts */
  signal: AbortSignal;
  /** of these the second alone */
  interrupted: AbortSignal;
};

export type Start = {
  vm: VmRecord;
  caller: Caller;
  /** its VMM, as it was found when the job began; null: it is looked at when the start begins */
  probe: UsableProbe | null;
  source: StartSource;
  /** a warm VM of the source, in this VM's folder; tried first */
  warm: WarmVm | null;
  /** keeps the source's files until it is disposed of; null: they are not a template's */
  templateFiles: DisposableStack | null;
  /** a boot makes the VM's disk: there is none, or not one for a boot */
  needsDisk: boolean;
  /** ready already; null: they are made ready during the start */
  artifacts: ReadyArtifacts | null;
  phases: Phases;
  /** the VM's creation, until it is complete, which it is when its VMM is recorded */
  creation: OpenChange | null;
  /** the VMM has the save: later failures may be its fault */
  isRestoring: boolean;
  /** once its VMM is noted */
  live: LiveVm | null;
};

/** Its change is in the journal. */
export type BegunStart = Start & { change: OpenChange };

/** @throws VMM_NOT_FOUND when it can't be used */
export async function probeOf(ctx: StartContext, start: Start): Promise<UsableProbe> {
  start.probe ??= await usableVmm(ctx, start.vm.spec);
  return start.probe;
}

const fresh = {
  probe: null,
  warm: null,
  templateFiles: null,
  needsDisk: false,
  artifacts: null,
  creation: null,
} as const;
const begun = { isRestoring: false, live: null };

export type NewVm = Pick<Start, "vm" | "source" | "warm" | "phases"> & {
  probe: UsableProbe;
  templateFiles: DisposableStack;
  artifacts: ReadyArtifacts;
  creation: OpenChange;
};

/** Of a VM that has a row and a folder, and nothing else. */
export function startOfNew(made: NewVm, caller: Caller): Start {
  return { ...begun, ...made, caller, needsDisk: true };
}

/** Of a VM that is stopped or suspended. */
export function startOfExisting(
  ctx: StartContext,
  found: Pick<Start, "vm" | "probe" | "source"> & { templateFiles: DisposableStack },
  caller: Caller,
): Start {
  return { ...fresh, ...begun, ...found, caller, phases: new Phases(ctx.clock) };
}

/** For a VM whose disk matches the save: of a fork, a snapshot or a suspended VM. */
export function startOfSaved(ctx: StartContext, vm: VmRecord, source: SavedSource, caller: Caller): Start {
  return { ...fresh, ...begun, vm, source, caller, phases: new Phases(ctx.clock) };
}

/** From its own disk, of a VM that has run. @param why in a few words, for people */
export function startFromDisk(ctx: StartContext, vm: VmRecord, why: string, caller: Caller): Start {
  return { ...fresh, ...begun, vm, source: coldBoot(why), caller, phases: new Phases(ctx.clock) };
}

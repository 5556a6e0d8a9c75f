/** What the operations on VMs share: the deps, and what is known in memory alone. */
import type { Digest, VmId } from "../base/names.ts";
import type { Semaphore } from "../base/semaphore.ts";
import type { SharedWork } from "../base/shared-work.ts";
import type { TemplateRecord } from "../model/save.ts";
import type { VmExit } from "../vmm/driver.ts";
import type { MachinesDeps } from "./deps.ts";
import type { StateEvents } from "./events.ts";
import type { Leftovers } from "./leftovers.ts";
import type { LiveVm } from "./live.ts";
import type { Operations } from "./operations.ts";
import type { Spares } from "./spares.ts";
import type { TemplateFiles } from "./template-files.ts";

export type Context = MachinesDeps & {
  /** VMs whose VMM runs */
  live: Map<VmId, LiveVm>;
  /** VMs whose VMM runs and has not answered this daemon yet, with what to say to who needs it */
  unreachable: Map<VmId, Error>;
  operations: Operations;
  events: StateEvents;
  /** ephemeral VMs whose session is connected, with how many hold each */
  leases: Map<VmId, number>;
  /** Called once when a VM runs, started or adopted. */
  onLive(live: LiveVm): void;
  /** Called when a VMM stopped its guest by itself, and for one that is adopted so; not again before it resolves. */
  onStopped(live: LiveVm): Promise<void>;
  /** Called once when a VM ended, whoever ended it. */
  onEnd(live: LiveVm, exit: VmExit): void;
  /**
   * Passes until the machines are released; then never resolves. Asked before anything is undone: a daemon that goes
   * leaves what is half made to the next one, and VMs alone.
   */
  unlessReleased(): Promise<void>;
  /** Lets go of every VM; they run on. Whatever is under way stops where it is. */
  release(): void;
  /** how many use each VM, and what stops the count of its time without use */
  idle: Map<VmId, { users: number; cancel: () => void }>;
  /** the look for free space; times of the monotonic clock in `ms` */
  room: { isWatched: boolean; waitMs: number; resumedAt: number };
  /** pids of VMMs and networks that belong to no VM of the list */
  nobodys: Set<number>;
  /** who may be restored now */
  restores: Semaphore;
  /** whether somebody was told what is missing of the VMMs' cage */
  gaps: { areNoted: boolean };
  spares: Spares;
  templates: {
    /** by key: being made, or waited for */
    making: SharedWork<TemplateRecord>;
    /** made and used, but not noted yet */
    fresh: Map<Digest, TemplateRecord>;
    /** what could not be made, why, and until when that is not tried again but by `template warm`; Unix time in `ms` */
    broken: Map<Digest, { why: string; until: number }>;
    /** how often in a row one of that key could not be restored */
    failures: Map<Digest, number>;
    files: TemplateFiles;
  };
  /** imports under way, and the removal that the next one waits for */
  importing: { count: number; removal: Promise<void> };
  /** what should be gone; `files.removeTree` notes it */
  leftovers: Leftovers;
  /** Lets work go on without its caller; a failure is logged. */
  background(what: string, work: Promise<unknown>): void;
  /** what `background` was given and is not over */
  pending: Set<Promise<void>>;
};

/** What happens to VMs after their start needs beside what is below it: the whole of the context. */
import type { VmId } from "../../base/names.ts";
import type { ProcessRef } from "../../model/vm.ts";
import type { StartDeps, StartState } from "../start/context.ts";

/** In `ms`. */
export type LifeTimings = {
  /** a guest's programs' files to be on its disk before it is saved; after that it is saved as it is */
  syncMs: number;
  /** the agent to take an order to power off; then the power button is pressed, within the same grace */
  powerOffMs: number;
  /** asking a guest whether it rests; one that does not say is left alone */
  statsMs: number;
  /** what a guest has to power itself off, when the request doesn't say */
  graceMs: number;
  /** what a daemon that starts waits for the removal of what is left: the rest continues while it serves */
  sweepMs: number;
  /** what a daemon that starts waits for each VMM that lives: it serves then, and one that has not answered is looked after behind */
  adoptMs: number;
  /** between two attempts to adopt a VMM that lives but does not answer */
  adoptAgainMs: number;
  /** how long an ephemeral VM may be without a hold after the daemon's restart */
  holdGraceMs: number;
  /** between two looks for free space while a VM is stopped for want of it */
  roomMs: { first: number; last: number };
};

export const lifeTimings: LifeTimings = {
  syncMs: 20_000,
  powerOffMs: 5_000,
  statsMs: 10_000,
  graceMs: 30_000,
  sweepMs: 5_000,
  adoptMs: 5_000,
  adoptAgainMs: 5_000,
  holdGraceMs: 5_000,
  roomMs: { first: 1_000, last: 30_000 },
};

/** Handed in by the composition root. */
export type LifeDeps = StartDeps & {
  timings: LifeTimings;
  /** Ends every process that has a path below `directory` among its arguments: what a dead daemon started and had not noted. */
  endStrays(directory: string): Promise<void>;
  /** the processes that hold ephemeral VMs */
  holders: {
    /** null when there is no such process any more */
    refOf(pid: number): ProcessRef | null;
    /** Resolves when it has ended. */
    ended(process: ProcessRef): Promise<void>;
  };
  /** how long a VM may be without use before it is suspended, in `ms`, when it doesn't say itself; 0: for ever */
  idleLimit(): Promise<number>;
};

/** Of this daemon, in memory. */
export type LifeState = StartState & {
  /** how many holds each ephemeral VM has */
  holds: Map<VmId, number>;
  /** how many use each VM, and what stops the count of its time without use */
  idle: Map<VmId, { users: number; cancel: () => void }>;
  /** the look for free space; times of the monotonic clock in `ms` */
  room: { isWatched: boolean; waitMs: number; resumedAt: number };
};

export type LifeContext = LifeDeps & LifeState;

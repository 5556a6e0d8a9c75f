/** The context of everything that happens to VMs after their start: it includes those of all lower layers. */
import type { VmId } from "../../base/names.ts";
import type { ProcessRef } from "../../model/vm.ts";
import type { Listen } from "../../network/ports/forward.ts";
import type { StartDeps, StartState } from "../start/context.ts";
import type { DialHost, HostPorts } from "./host-ports.ts";
import type { GuestPorts } from "./ports.ts";

/** In `ms`. */
export type LifeTimings = {
  /** flushing a guest before it is saved; after that it is saved as it is */
  syncMs: number;
  /** the agent to accept a request to power off; then the power button is pressed, within the same grace */
  powerOffMs: number;
  /** asking a guest whether it is idle; one that does not answer counts as used */
  statsMs: number;
  /** a guest's grace period to power off, if the request has none */
  graceMs: number;
  /** at the daemon's start, for removing leftovers: the rest continues while it serves */
  sweepMs: number;
  /** at the daemon's start, for each VMM to answer: one that has not is adopted in the background */
  adoptMs: number;
  /** between two attempts to adopt a VMM that lives but does not answer */
  adoptAgainMs: number;
  /** how long an ephemeral VM may be without a hold after the daemon's restart */
  holdGraceMs: number;
  /** between two checks for free space while a VM is stopped for lack of it */
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
  /** Ends every process that has a path below `directory` among its arguments: what a dead daemon started and had not recorded. */
  endStrays(directory: string): Promise<void>;
  /** the processes that hold ephemeral VMs */
  holders: {
    /** null if the process has ended */
    refOf(pid: number): ProcessRef | null;
    /** Resolves when it has ended. */
    ended(process: ProcessRef): Promise<void>;
  };
  /** how long a VM may be without use before it is suspended, in `ms`, unless it has its own limit; 0: never */
  idleLimit(): Promise<number>;
  /** listens on an address of the host, for a port of a guest */
  listen: Listen;
  dialHost: DialHost;
};

/** Of this daemon, in memory. */
export type LifeState = StartState & {
  /** how many holds each ephemeral VM has */
  holds: Map<VmId, number>;
  /** how many users each VM has, and what cancels its idle timer */
  idle: Map<VmId, { users: number; cancel: () => void }>;
  /** the ports of VMs that start or run */
  ports: Map<VmId, GuestPorts>;
  /** the host's ports that running VMs may reach */
  hostPorts: Map<VmId, HostPorts>;
  /** the check for free space; times of the monotonic clock in `ms` */
  room: { isWatched: boolean; waitMs: number; resumedAt: number };
};

export type LifeContext = LifeDeps & LifeState;

/** What everything about a running guest needs: the host, and what is known in memory alone of VMs that run. */
import type { ByteStream } from "../../base/bytes.ts";
import type { VmId } from "../../base/names.ts";
import type { Clock } from "../../host/clock.ts";
import type { Logger } from "../../host/log.ts";
import type { Paths } from "../../model/paths.ts";
import type { SshHostKey } from "../../store/identities.ts";
import type { Store } from "../../store/store.ts";
import type { VmExit, VmmDrivers } from "../../vmm/driver.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { StateEvents } from "./events.ts";
import type { GuestInheritance, MachineFiles, MachineNetwork } from "./host.ts";
import type { Leftovers } from "./leftovers.ts";
import type { LiveVm } from "./live.ts";
import type { Operations } from "./operations.ts";

/** Limits of what a guest is waited for, in `ms`. */
export type GuestTimings = {
  /** boot to the agent's first answer */
  agentMs: number;
  /** the same of a VM that is restored: its agent ran when it was saved, so it has only to resume */
  restoredAgentMs: number;
  /** an agent that answered before: reconnecting */
  reconnectMs: number;
  /** telling a running guest the time or its name: it runs all the same, and `vm resume` waits for this */
  tellMs: number;
  /** a guest's file system to grow: the guest writes new tables for what was added */
  growMs: number;
  /** the image's services */
  servicesMs: number;
  /** how long a VM that reads a disk may send nothing while the host waits */
  readerMs: number;
  /** from an agent's connection that drops to the end of its VM, when that is why */
  endingMs: number;
  /** what a warm VM has to rehearse: under emulation it takes some 200, an image's own `true` for ever */
  rehearsalMs: number;
};

export const guestTimings: GuestTimings = {
  agentMs: 180_000,
  restoredAgentMs: 60_000,
  reconnectMs: 20_000,
  tellMs: 5_000,
  growMs: 30_000,
  servicesMs: 60_000,
  readerMs: 120_000,
  endingMs: 1_000,
  rehearsalMs: 3_000,
};

/** Handed in by the composition root. */
export type GuestDeps = {
  store: Store;
  driver: VmmDrivers;
  network: MachineNetwork;
  files: MachineFiles;
  paths: Paths;
  clock: Clock;
  log: Logger;
  timings: GuestTimings;
  /** whether a failure means that a file system is full */
  isDiskFull(error: unknown): boolean;
  connectAgent(
    stream: ByteStream,
    options: { resync: boolean; timeoutMs: number /** of the VM, for messages */; name: string },
  ): Promise<AgentClient>;
  inheritance(): Promise<GuestInheritance>;
  makeHostKey(): SshHostKey | Promise<SshHostKey>;
  randomBytes(count: number): Uint8Array;
  randomId(): VmId;
  /** Calls `run` once after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void;
};

/** Of this daemon, in memory. */
export type GuestState = {
  /** VMs whose VMM runs */
  live: Map<VmId, LiveVm>;
  /** VMs whose VMM runs and has not answered this daemon yet, with what to say to who needs it */
  unreachable: Map<VmId, Error>;
  /** pids of VMMs and networks that belong to no VM of the list */
  unlisted: Set<number>;
  operations: Operations;
  events: StateEvents;
  /** what should be gone; `files.removeTree` notes it */
  leftovers: Leftovers;
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
  /** Lets work continue without its caller; a failure is logged. */
  background(what: string, work: Promise<unknown>): void;
};

export type GuestContext = GuestDeps & GuestState;

/** What code for running guests needs: the host, and the state of running VMs that is kept in memory only. */
import type { ByteStream } from "../../base/bytes.ts";
import type { VmId } from "../../base/names.ts";
import type { Clock } from "../../host/clock.ts";
import type { Logger } from "../../host/log.ts";
import type { Paths } from "../../model/paths.ts";
import type { SshHostKey } from "../../store/identities.ts";
import type { Store } from "../../store/store.ts";
import type { VmExit, VmmDrivers } from "../../vmm/driver.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { PortEvents, StateEvents } from "./events.ts";
import type { GuestInheritance, MachineFiles, MachineNetwork } from "./host.ts";
import type { Leftovers } from "./leftovers.ts";
import type { LiveVm } from "./live.ts";
import type { Operations } from "./operations.ts";

/** How long a guest is waited for on a usual host, in `ms`. */
export type GuestTimings = {
  /** boot to the agent's first answer */
  agentMs: number;
  /** the same of a VM that is restored: its agent ran when it was saved, so it has only to resume */
  restoredAgentMs: number;
  /** an agent that answered before: reconnecting */
  reconnectMs: number;
  /** sending a running guest the time or its name: it runs without, and `vm resume` waits for this */
  tellMs: number;
  /** a guest's file system to grow: the guest writes new tables for the added space */
  growMs: number;
  /** the image's services */
  servicesMs: number;
  /** how long a VM that reads a disk may send nothing while the host waits */
  readerMs: number;
  /** from the loss of an agent's connection to the end of its VM, if that is the cause */
  endingMs: number;
  /** a warm VM's rehearsal: about 200 under emulation; an image's own `true` may never end */
  rehearsalMs: number;
};

export const guestTimings: GuestTimings = {
  agentMs: 180_000,
  restoredAgentMs: 30_000,
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
  drivers: VmmDrivers;
  /** What the user wants: the name of a driver, or `auto`. @param asked what the request names; undefined: the config decides */
  vmmChoice(asked: string | undefined): Promise<{ choice: string /** who named it, as a clause */; why: string }>;
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
  /** Called when a VM has got a network or another name, or is gone: for who keeps names, addresses and host keys of VMs. Never throws. */
  namesChanged(): void;
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
  /** VMs whose VMM runs and has not answered this daemon yet, with the error for callers that need it */
  unreachable: Map<VmId, Error>;
  /** pids of VMMs and networks of unlisted VMs */
  unlisted: Set<number>;
  operations: Operations;
  events: StateEvents;
  portEvents: PortEvents;
  /** what could not be removed; `files.removeTree` notes it */
  leftovers: Leftovers;
  /** Called once when a VM runs, started or adopted. */
  onLive(live: LiveVm): void;
  /** Called when a VMM stopped its guest, also for one adopted in that state; not again before it resolves. */
  onStopped(live: LiveVm): Promise<void>;
  /** Called once when a VM ended, for whatever reason. */
  onEnd(live: LiveVm, exit: VmExit): void;
  /**
   * Resolves at once until the machines are released; then never. Awaited before anything is undone: a daemon that stops
   * leaves unfinished work to the next one, and VMs as they are.
   */
  unlessReleased(): Promise<void>;
  /** Lets work continue without its caller; a failure is logged. */
  background(what: string, work: Promise<unknown>): void;
};

export type GuestContext = GuestDeps & GuestState;

/** One VM of the fake driver: an imaginary process, a console file, and an agent in memory. */
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { exists, writeAtomic } from "../../host/files/files.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { vmPaths } from "../../model/paths.ts";
import type { ProcessRef } from "../../model/vm.ts";
import { type FakeAgentOptions, fakeAgent } from "../../wire/agent/testing/fake.ts";
import type { BootSpec, SaveFiles, VmExit, VmmStop, VmmTrouble } from "../driver.ts";

/** How a VM of the fake driver behaves; by default everything succeeds. */
export type FakeBehaviour = {
  /** `boot` rejects with this reason */
  bootFails?: string;
  /** `boot` is pending until it is aborted */
  bootHangs?: boolean;
  /** `save` rejects with this reason */
  saveFails?: string;
  /** `save` is pending until it is aborted */
  saveHangs?: boolean;
  /** `save` waits for it, while the guest is paused */
  saveWaits?: Promise<void>;
  /** `restore` rejects with this reason */
  restoreFails?: string;
  /** `restore` is pending until it is aborted */
  restoreHangs?: boolean;
  /** the connection to the agent opens, and the agent never answers */
  agentSilent?: boolean;
  /** ends after so many `ms` of the world's clock */
  ends?: { afterMs: number; exit: VmExit; console?: string[] };
  /** options of the fake agent */
  agent?: FakeAgentOptions;
};

/** A guest's memory: written to a save, and read on restore. */
export type FakeGuest = {
  /** the kernel's command line */
  kernelArgs: string;
  phase: "boot" | "up";
  generation: number;
  /** anything a test wants to find again */
  notes: Record<string, string>;
};

export type FakeParts = {
  spec: BootSpec;
  process: ProcessRef;
  behaviour: FakeBehaviour;
  /** `ms` of the world's clock */
  bootedAt: number;
  guest: FakeGuest;
  /** null: booted; a restored VM starts paused, from these files */
  from: SaveFiles | null;
};

export class FakeMachine {
  readonly spec: BootSpec;
  readonly process: ProcessRef;
  readonly behaviour: FakeBehaviour;
  /** `ms` of the world's clock */
  readonly bootedAt: number;
  readonly exited = new Deferred<VmExit>();
  /** null while it runs */
  exit: VmExit | null = null;
  readonly disks = new Map<string, number>();
  readonly guest: FakeGuest;
  /** the files it was restored from; null when it was booted */
  readonly restoredFrom: SaveFiles | null;
  /** its memory is now a save's */
  savedInPlace = false;
  /** why it stopped its guest on its own */
  stopped: VmmStop | null = null;
  onStopped: (stop: VmmStop) => void = () => {};
  onTrouble: (trouble: VmmTrouble) => void = () => {};
  #failing: VmmStop | null = null;
  #console = ["Linux version 6.1.0-fake", "banger-agent: up"];
  #connection: ByteStream | null = null;
  #paused: boolean;
  readonly #deferred: (() => void)[] = [];

  constructor(parts: FakeParts) {
    this.bootedAt = parts.bootedAt;
    this.spec = parts.spec;
    this.process = parts.process;
    this.behaviour = parts.behaviour;
    this.restoredFrom = parts.from;
    this.guest = parts.guest;
    this.#paused = parts.from !== null;
  }

  get alive(): boolean {
    return this.exit === null;
  }

  /** The host's end of a connection to the agent. An earlier one is dropped: a virtio-serial port has one at a time. */
  connect(): ByteStream {
    this.#connection?.destroy();
    const [host, hostSide] = memoryPair();
    this.#connection = hostSide;
    if (this.behaviour.agentSilent) hostSide.onData(() => {});
    else this.#join(hostSide);
    return host;
  }

  dropConnection(): void {
    this.#connection?.destroy();
    this.#connection = null;
  }

  get paused(): boolean {
    return this.#paused;
  }

  setPaused(paused: boolean): void {
    if (!paused && this.savedInPlace) throw new Error(`VM ${this.spec.id} was saved in place: it can't be resumed`);
    this.#paused = paused;
    if (!paused) this.stopped = null;
    if (!paused && this.#failing) queueMicrotask(() => this.#failing && this.stop(this.#failing));
    while (!this.#paused && this.#deferred.length > 0) this.#deferred.shift()?.();
  }

  /** Lets the guest's writes fail from now on, which stops it whenever it runs; null ends that. */
  failWrites(why: VmmStop | null): void {
    this.#failing = why;
    if (why) this.stop(why);
  }

  /** Stops the guest as a VMM does on its own. */
  stop(why: VmmStop): void {
    this.#paused = true;
    this.stopped = why;
    this.onStopped(why);
  }

  /** Adds lines to the console, then ends. Idempotent: the first end counts. */
  async end(exit: VmExit, console: string[] = []): Promise<void> {
    if (this.exit !== null) return;
    this.exit = exit;
    await this.print(...console);
    this.#connection?.destroy();
    this.exited.resolve(exit);
  }

  /** Appends to the console log in the VM's folder, if the folder exists. */
  async print(...lines: string[]): Promise<void> {
    this.#console.push(...lines);
    const { directory, serialLog } = vmPaths(this.spec.directory);
    if (await exists(directory)) await writeAtomic(serialLog, this.#console.map((line) => `${line}\r\n`).join(""));
  }

  #join(hostSide: ByteStream): void {
    const [agentSide, agent] = memoryPair();
    const { agent: options = {} } = this.behaviour;
    const { phase, generation } = this.guest;
    fakeAgent(agent, {
      ...options,
      hello: { phase, generation, ...options.hello },
      onIdentity: (identity) => {
        this.guest.phase = "up";
        this.guest.generation = Number(identity["generation"]);
        options.onIdentity?.(identity);
      },
      onPower: (mode) =>
        void this.end({ kind: mode }, [mode === "reboot" ? "reboot: Restarting system" : "reboot: Power down"]),
    });
    this.#carry(hostSide, agentSide);
    this.#carry(agentSide, hostSide);
  }

  /** Forwards bytes, or queues them while the VM is paused. */
  #carry(from: ByteStream, to: ByteStream): void {
    const whenRunning = (act: () => void) => (this.#paused ? this.#deferred.push(act) : act());
    from.onData((chunk) => {
      const copy = chunk.slice();
      whenRunning(() => to.write(copy));
    });
    from.onEnd(() => whenRunning(() => to.end()));
    from.onClose(() => to.destroy());
  }
}

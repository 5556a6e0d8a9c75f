/** One VM of the fake driver: a process that isn't, a console file, and an agent in memory. */
import { Deferred } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";
import { exists, writeAtomic } from "../host/files.ts";
import { memoryPair } from "../host/memory-pair.ts";
import { vmPaths } from "../model/paths.ts";
import type { ProcessRef } from "../model/vm.ts";
import { type FakeAgentOptions, fakeAgent } from "../wire/agent/fake.ts";
import type { BootSpec, VmExit } from "./driver.ts";

/** How a VM of the fake behaves; nothing set means that all goes well. */
export type FakeBehaviour = {
  /** `boot` rejects with this reason */
  bootFails?: string;
  /** `boot` stays undecided until it is aborted */
  bootHangs?: boolean;
  /** the line to the agent opens, and nothing ever comes */
  agentSilent?: boolean;
  /** ends by itself after so many `ms` of the world's clock */
  ends?: { afterMs: number; exit: VmExit; console?: string[] };
  /** handed to the fake agent */
  agent?: FakeAgentOptions;
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
  #console = ["Linux version 6.1.0-fake", "banger-agent: up"];
  #line: ByteStream | null = null;
  #paused = false;
  readonly #held: (() => void)[] = [];

  constructor(spec: BootSpec, process: ProcessRef, behaviour: FakeBehaviour, bootedAt: number) {
    this.bootedAt = bootedAt;
    this.spec = spec;
    this.process = process;
    this.behaviour = behaviour;
  }

  get alive(): boolean {
    return this.exit === null;
  }

  /** The host's end of a line to the agent; an earlier line is dropped, as a virtio-serial port has one. */
  connect(): ByteStream {
    this.#line?.destroy();
    const [host, hostSide] = memoryPair();
    this.#line = hostSide;
    if (this.behaviour.agentSilent) hostSide.onData(() => {});
    else this.#join(hostSide);
    return host;
  }

  dropLine(): void {
    this.#line?.destroy();
    this.#line = null;
  }

  setPaused(paused: boolean): void {
    this.#paused = paused;
    while (!this.#paused && this.#held.length > 0) this.#held.shift()?.();
  }

  /** Adds lines to the console, then ends. Idempotent: the first end counts. */
  async end(exit: VmExit, console: string[] = []): Promise<void> {
    if (this.exit !== null) return;
    this.exit = exit;
    await this.print(...console);
    this.#line?.destroy();
    this.exited.resolve(exit);
  }

  /** Kept in the VM's folder as a real VMM would, when there is such a folder. */
  async print(...lines: string[]): Promise<void> {
    this.#console.push(...lines);
    const { directory, serialLog } = vmPaths(this.spec.directory);
    if (await exists(directory)) await writeAtomic(serialLog, this.#console.map((line) => `${line}\r\n`).join(""));
  }

  #join(hostSide: ByteStream): void {
    const [agentSide, agent] = memoryPair();
    fakeAgent(agent, {
      ...this.behaviour.agent,
      onPower: (mode) =>
        void this.end({ kind: mode }, [mode === "reboot" ? "reboot: Restarting system" : "reboot: Power down"]),
    });
    this.#carry(hostSide, agentSide);
    this.#carry(agentSide, hostSide);
  }

  /** Passes bytes on, or keeps them while the VM is paused. */
  #carry(from: ByteStream, to: ByteStream): void {
    const whenRunning = (act: () => void) => (this.#paused ? this.#held.push(act) : act());
    from.onData((chunk) => {
      const copy = chunk.slice();
      whenRunning(() => to.write(copy));
    });
    from.onEnd(() => whenRunning(() => to.end()));
    from.onClose(() => to.destroy());
  }
}

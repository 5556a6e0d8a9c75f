/**
 * A driver without VMs, for tests of the code above. Its `FakeWorld` stands for the host: it outlives a simulated daemon, so that
 * a second driver on the same world can adopt VMs of the first.
 */
import { orAborted } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import { sizeOf, truncateTo, writeAtomic } from "../../host/files/files.ts";
import { diskArgument, virtioDiskName } from "../disks.ts";
import type {
  BootSpec,
  DriverFeatures,
  DriverRecord,
  RunningVm,
  Save,
  SaveFiles,
  SaveRecord,
  VmExit,
  VmmDriver,
  VmmStop,
  VmmTrouble,
} from "../driver.ts";
import { checkSave, type Saver } from "../save-files.ts";
import { networkOfShape } from "../shape.ts";
import { type FakeBehaviour, type FakeGuest, FakeMachine, type FakeParts } from "./fake-machine.ts";
import { readGuest, saveFake } from "./fake-save.ts";

export type { FakeBehaviour } from "./fake-machine.ts";

export class FakeWorld {
  /** the driver's version; after a change, earlier saves are refused */
  version = "1.0";
  /** how the next VMs behave; called once per boot and restore */
  behaviour: (spec: BootSpec) => FakeBehaviour = () => ({});
  readonly machines: FakeMachine[] = [];
  #now = 0;
  #nextPid = 5_000_000;

  /** Advances the world's clock, and ends VMs whose behaviour has an end before that, in order. */
  async advance(ms: number): Promise<void> {
    this.#now += ms;
    for (const machine of this.machines) {
      const { ends } = machine.behaviour;
      if (ends !== undefined && machine.bootedAt + ends.afterMs <= this.#now)
        await machine.end(ends.exit, ends.console);
    }
  }

  get saver(): Saver {
    return { driver: "fake", version: this.version, accel: "tcg" };
  }

  async start({ spec, behaviour, guest, from }: Omit<FakeParts, "process" | "bootedAt">): Promise<FakeMachine> {
    // above Linux's limit of pids (4194304), so never a real process
    const process = { pid: this.#nextPid++, startTicks: this.machines.length + 1 };
    const machine = new FakeMachine({ spec, process, behaviour, guest, bootedAt: this.#now, from });
    this.machines.push(machine);
    await machine.print();
    return machine;
  }

  find(process: { pid: number; startTicks: number }): FakeMachine | undefined {
    return this.machines.find((m) => m.process.pid === process.pid && m.process.startTicks === process.startTicks);
  }

  /** The latest VM with that id. @throws when there never was one */
  machine(id: string): FakeMachine {
    const found = this.machines.findLast((m) => m.spec.id === id);
    if (found === undefined) throw new Error(`the fake world has no VM ${id}`);
    return found;
  }

  get alive(): FakeMachine[] {
    return this.machines.filter((m) => m.alive);
  }
}

export function createFakeDriver(world: FakeWorld): VmmDriver {
  const features: DriverFeatures = {
    nested: true,
    pause: true,
    snapshots: true,
    keepsSessions: true,
    growDisk: true,
    savesInPlace: true,
    netDevices: ["stream", "builtin"],
    maxDisks: 20,
    maxVcpu: 64,
  };
  return {
    name: "fake",
    programs: [],
    probe: async () => ({
      usable: true,
      ...world.saver,
      why: "there is no machine at all",
      features,
      gaps: [],
      sharing: null,
    }),
    boot: (spec, signal) => boot(world, spec, signal),
    check: async (save, spec) => void (await checkSave(save, spec, world.saver)),
    restore: (save, spec, signal) => restore(world, save, spec, signal),
    adopt: async (record) => {
      const machine = world.find(record.process);
      return machine?.alive ? new FakeRunning(world, machine, record, true) : null;
    },
    end: async (record) => world.find(record.process)?.end({ kind: "killed" }),
    postMortem: async (record) =>
      world.find(record.process)?.exit ?? { kind: "vmm-died", reason: "the fake VMM ended without a message" },
    clean: async () => {},
    savedNetwork: ({ shape }) => networkOfShape(shape),
  };
}

async function boot(world: FakeWorld, spec: BootSpec, signal: AbortSignal): Promise<RunningVm> {
  signal.throwIfAborted();
  const behaviour = world.behaviour(spec);
  if (behaviour.bootFails !== undefined)
    throw fail("VMM_START_FAILED", { driver: "fake", reason: behaviour.bootFails });
  if (behaviour.bootHangs) await orAborted(new Promise<never>(() => {}), signal);
  if (spec.memory) await makeMemory(spec.memory.path, spec.memoryMib);
  // tests above the driver make no files for disks
  const sizes = await Promise.all(spec.blockDevices.map(({ path }) => sizeOf(path).catch(() => 0)));
  const kernelArgs = [...spec.kernelArgs, diskArgument(spec.blockDevices, sizes, virtioDiskName)].join(" ");
  const guest: FakeGuest = { kernelArgs, phase: "boot", generation: 0, notes: {} };
  return runningFake(world, await world.start({ spec, behaviour, guest, from: null }));
}

async function restore(world: FakeWorld, save: Save, spec: BootSpec, signal: AbortSignal): Promise<RunningVm> {
  signal.throwIfAborted();
  await checkSave(save, spec, world.saver);
  const behaviour = world.behaviour(spec);
  if (behaviour.restoreFails !== undefined)
    throw fail("VMM_START_FAILED", { driver: "fake", reason: behaviour.restoreFails });
  if (behaviour.restoreHangs) await orAborted(new Promise<never>(() => {}), signal);
  const guest = await readGuest(save.files);
  return runningFake(world, await world.start({ spec, behaviour, guest, from: save.files }));
}

async function makeMemory(path: string, mib: number): Promise<void> {
  await writeAtomic(path, "");
  await truncateTo(path, mib * 1024 * 1024);
}

function runningFake(world: FakeWorld, machine: FakeMachine): RunningVm {
  const { driver, version } = world.saver;
  const record = { driver, version, process: machine.process, directory: machine.spec.directory };
  return new FakeRunning(world, machine, record, machine.restoredFrom !== null);
}

class FakeRunning implements RunningVm {
  readonly record: DriverRecord;
  readonly #world: FakeWorld;
  readonly #machine: FakeMachine;
  #agentUsed: boolean;

  constructor(world: FakeWorld, machine: FakeMachine, record: DriverRecord, agentUsed: boolean) {
    this.#world = world;
    this.#machine = machine;
    this.record = record;
    this.#agentUsed = agentUsed;
  }

  async agent() {
    const resync = this.#agentUsed;
    this.#agentUsed = true;
    return { stream: this.#machine.connect(), resync };
  }

  async pause() {
    this.#machine.setPaused(true);
  }

  async resume() {
    this.#machine.setPaused(false);
  }

  stopped() {
    return this.#machine.stopped;
  }

  onStopped(listener: (stop: VmmStop) => void) {
    this.#machine.onStopped = listener;
  }

  onTrouble(listener: (trouble: VmmTrouble) => void) {
    this.#machine.onTrouble = listener;
  }

  save(files: SaveFiles, signal: AbortSignal): Promise<SaveRecord> {
    return saveFake(this.#machine, files, this.#world.saver, signal);
  }

  async powerdown() {
    await this.#machine.end({ kind: "poweroff" }, ["reboot: Power down"]);
  }

  async kill() {
    await this.#machine.end({ kind: "killed" });
  }

  wait(): Promise<VmExit> {
    return this.#machine.exited.promise;
  }

  async stats() {
    return { rssBytes: this.#machine.spec.memoryMib * 1024 * 1024, cpuMs: 100 };
  }

  async grow(disk: string, bytes: number) {
    this.#machine.disks.set(disk, bytes);
  }

  /** Drops this daemon's connection to the agent. */
  release() {
    this.#machine.dropConnection();
  }
}

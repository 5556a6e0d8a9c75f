/**
 * A driver without VMs, for tests of the code above. Its `FakeWorld` stands for the host: it outlives a simulated daemon, so that
 * a second driver on the same world can adopt VMs of the first.
 */
import { orAborted } from "../../base/async.ts";
import { fail } from "../../base/errors/error.ts";
import type { ProcessRef } from "../../base/process.ts";
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

  saver(driver: string): Saver {
    return { driver, version: this.version, accel: "tcg" };
  }

  async start({ spec, behaviour, guest, from }: Omit<FakeParts, "process" | "bootedAt">): Promise<FakeMachine> {
    // above Linux's limit of pids (4194304), so never a real process
    const process = { pid: this.#nextPid++, startTicks: this.machines.length + 1 };
    const machine = new FakeMachine({ spec, process, behaviour, guest, bootedAt: this.#now, from });
    this.machines.push(machine);
    await machine.print();
    return machine;
  }

  find({ pid, startTicks, boot }: ProcessRef): FakeMachine | undefined {
    return this.machines.find(
      ({ process: one }) => one.pid === pid && one.startTicks === startTicks && one.boot === boot,
    );
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

/** Of a VMM as Firecracker is: its own network, few disks, and saves that end its connections and copy memory. */
export const plainFeatures: Partial<DriverFeatures> = {
  keepsSessions: false,
  savesInPlace: false,
  netDevices: ["agent", "tap"],
  tapTakesDisk: true,
  nested: false,
  maxDisks: 15,
  maxVcpu: 32,
  vsock: true,
};

/** @param own features that differ from QEMU's */
export function createFakeDriver(world: FakeWorld, name = "fake", own: Partial<DriverFeatures> = {}): VmmDriver {
  const features: DriverFeatures = {
    nested: true,
    pause: true,
    snapshots: true,
    keepsSessions: true,
    growDisk: true,
    savesInPlace: true,
    netDevices: ["stream", "builtin", "tap"],
    tapTakesDisk: false,
    maxDisks: 20,
    maxVcpu: 64,
    vsock: false,
    ...own,
  };
  const of = { world, name, features };
  return {
    name,
    programs: [],
    probe: async () => ({
      usable: true,
      ...world.saver(name),
      why: "there is no machine at all",
      features,
      gaps: [],
      sharing: null,
    }),
    boot: (spec, signal) => boot(of, spec, signal),
    check: async (save, spec) => void (await checkSave(save, spec, world.saver(name))),
    restore: (save, spec, signal) => restore(of, save, spec, signal),
    adopt: async (record) => {
      const machine = world.find(record.process);
      return machine?.alive ? new FakeRunning(of, machine, record, true) : null;
    },
    end: async (record) => world.find(record.process)?.end({ kind: "killed" }),
    postMortem: async (record) =>
      record.process.boot === undefined
        ? (world.find(record.process)?.exit ?? { kind: "vmm-died", reason: "the fake VMM ended without a message" })
        : { kind: "killed" },
    clean: async () => {},
    savedNetwork: ({ shape }) => networkOfShape(shape),
  };
}

type Driver = { world: FakeWorld; name: string; features: DriverFeatures };

async function boot(of: Driver, spec: BootSpec, signal: AbortSignal): Promise<RunningVm> {
  signal.throwIfAborted();
  const { world, name: driver, features } = of;
  const behaviour = world.behaviour(spec);
  if (behaviour.bootFails !== undefined) throw fail("VMM_START_FAILED", { driver, reason: behaviour.bootFails });
  if (spec.memory && !features.savesInPlace) throw new Error("this VMM does not save in place");
  if (spec.blockDevices.length > features.maxDisks) throw new Error("this VMM takes fewer disks");
  if (behaviour.bootHangs) await orAborted(new Promise<never>(() => {}), signal);
  if (spec.memory) await makeMemory(spec.memory.path, spec.memoryMib);
  // tests above the driver make no files for disks
  const sizes = await Promise.all(spec.blockDevices.map(({ path }) => sizeOf(path).catch(() => 0)));
  const kernelArgs = [...spec.kernelArgs, diskArgument(spec.blockDevices, sizes, virtioDiskName)].join(" ");
  const guest: FakeGuest = { kernelArgs, phase: "boot", generation: 0, notes: {} };
  return runningFake(of, await world.start({ spec, behaviour, guest, from: null }));
}

async function restore(of: Driver, save: Save, spec: BootSpec, signal: AbortSignal): Promise<RunningVm> {
  signal.throwIfAborted();
  const { world, name: driver } = of;
  await checkSave(save, spec, world.saver(driver));
  const behaviour = world.behaviour(spec);
  if (behaviour.restoreFails !== undefined) throw fail("VMM_START_FAILED", { driver, reason: behaviour.restoreFails });
  if (behaviour.restoreHangs) await orAborted(new Promise<never>(() => {}), signal);
  const guest = await readGuest(save.files);
  return runningFake(of, await world.start({ spec, behaviour, guest, from: save.files }));
}

async function makeMemory(path: string, mib: number): Promise<void> {
  await writeAtomic(path, "");
  await truncateTo(path, mib * 1024 * 1024);
}

function runningFake(of: Driver, machine: FakeMachine): RunningVm {
  const { driver, version } = of.world.saver(of.name);
  const record = { driver, version, process: machine.process, directory: machine.spec.directory };
  return new FakeRunning(of, machine, record, machine.restoredFrom !== null);
}

class FakeRunning implements RunningVm {
  readonly record: DriverRecord;
  readonly #driver: Driver;
  readonly #machine: FakeMachine;
  #agentUsed: boolean;

  constructor(driver: Driver, machine: FakeMachine, record: DriverRecord, agentUsed: boolean) {
    this.#driver = driver;
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
    const { world, name, features } = this.#driver;
    if (!features.keepsSessions) this.#machine.dropConnection();
    return saveFake(this.#machine, files, world.saver(name), signal);
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

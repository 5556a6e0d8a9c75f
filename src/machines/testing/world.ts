/** A host in memory: files, processes and VMs that outlive any number of daemons. */
import { Deferred } from "../../base/async.ts";
import { type BangerError, fail } from "../../base/errors/error.ts";
import type { ImageName, VmId } from "../../base/names.ts";
import type { Gap } from "../../model/cage.ts";
import type { CatalogEntry } from "../../model/catalog.ts";
import type { ProcessRef } from "../../model/vm.ts";
import { digestOf } from "../../store/testing/records.ts";
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
} from "../../vmm/driver.ts";
import { Guest, type GuestBehaviour, goodGuest } from "./guest.ts";
import { HostServices } from "./host-services.ts";

export type WorldVm = {
  process: ProcessRef;
  spec: BootSpec;
  guest: Guest;
  isPaused: boolean;
  /** why its VMM stopped it on its own */
  stopped: VmmStop | null;
  onStopped: (stop: VmmStop) => void;
  onTrouble: (trouble: VmmTrouble) => void;
  /** what it was restored from; null: it booted */
  from: Save | null;
  /** the driver's name */
  driver: string;
  version: string;
};

const unstopped = { stopped: null, onStopped: () => {}, onTrouble: () => {} };

export class World {
  /** every VMM that ever ran, by pid */
  readonly vmms = new Map<number, WorldVm>();
  /** network processes that live: pid to the VM's folder */
  readonly networks = new Map<number, string>();
  /** ids of VMs that have a TAP interface, and of those that have an address on the bridge */
  readonly taps = new Set<string>();
  readonly leases = new Set<string>();
  /** how often someone was told */
  namesChanged = 0;
  /** `ADDRESS:PORT` of this host that someone listens on */
  readonly ports = new Set<string>();
  /** what each network process denies, by pid */
  readonly denied = new Map<number, readonly string[]>();
  /** files and folders, with a file's text */
  readonly paths = new Map<string, string>();
  guest: GuestBehaviour = { ...goodGuest };
  /** what every VMM writes there */
  serialLog = "booting\nlast words\n";
  /** what catalogs offer, and those that are not available */
  catalog: CatalogEntry[] = [
    {
      kind: "image",
      name: "debian-bookworm" as ImageName,
      description: "Debian 12",
      catalog: null,
      kernel: null,
      from: { recipe: "debian-bookworm" },
    },
  ];
  readonly catalogFailures: BangerError[] = [];
  /** whether its VMM can save VMs */
  canSave = false;
  /** what its VMM supports otherwise than usual */
  features: Partial<DriverFeatures> = {};
  /** of its VMMs' programs; a VM that runs keeps the one that it was started with */
  version = "1";
  /** the gaps of its VMMs' cage */
  gaps: Gap[] = [];
  /** why VMs of one save are not isolated from each other */
  sharing: Gap | null = null;
  confinement: "auto" | "required" = "auto";
  /** whether copies of a file can share its blocks */
  sharesBlocks = false;
  /** whether a VM is kept warm */
  keepsWarm = false;
  /** `ms` */
  idleLimit = 0;
  freeBytes = 2 ** 40;
  availableMemory = 2 ** 34;
  hasMkfs = true;
  /** why its VMM can't be used, with a hint; null: it can */
  vmmProblem: { why: string; fix: string } | null = null;
  /** guests can have VMs of their own */
  nested = true;
  /** how often the VMM was looked at */
  probes = 0;
  /** this user has no access to KVM */
  kvmDenied = false;
  /** bytes */
  templateLimit = 1024 ** 3;
  /** operations that fail, by name, with what they throw */
  readonly failing = new Map<string, unknown>();
  readonly failingWrites = new Map<WorldVm, VmmStop>();
  /** pids of VMMs that answer nothing while they live */
  readonly silent = new Set<number>();
  #asked = new Deferred<void>();
  #nextPid = 100;
  #nextStamp = 1;
  #nextId = 0;

  /** As the system does: a wildcard and an address can't have the same port. */
  listen(address: string, port: number): { close(): void } {
    const name = `${address}:${port}`;
    if (this.ports.has(name) || this.ports.has(`0.0.0.0:${port}`))
      throw Object.assign(new Error(name), { code: "EADDRINUSE" });
    this.ports.add(name);
    return { close: () => void this.ports.delete(name) };
  }

  readonly hostServices = new HostServices();

  paused = new Deferred<WorldVm>();

  /** The next VM that is asked to pause. */
  nextPaused(): Promise<WorldVm> {
    return this.paused.promise;
  }

  #begun = new Deferred<WorldVm>();

  /** The next request to a silent VMM. */
  nextAsked(): Promise<void> {
    return this.#asked.promise;
  }

  /** Returns for a VMM that answers. @throws once a silent one has ended */
  async answer({ process, guest }: WorldVm): Promise<void> {
    if (!this.silent.has(process.pid)) return;
    this.#asked.resolve();
    this.#asked = new Deferred();
    await guest.exited.promise;
    throw fail("VMM_START_FAILED", { driver: "world", reason: "its monitor was closed" });
  }

  /** The next VM that is booted or restored. */
  nextVm(): Promise<WorldVm> {
    return this.#begun.promise;
  }

  living(): WorldVm[] {
    return [...this.vmms.values()].filter((vm) => vm.guest.exit === null);
  }

  vmOf(id: VmId): WorldVm | undefined {
    return this.living().find((vm) => vm.spec.id === id);
  }

  newProcess(): ProcessRef {
    return { pid: this.#nextPid++, startTicks: 1 };
  }

  newId(): VmId {
    return String(this.#nextId++).padStart(8, "v") as VmId;
  }

  /** something was made to fail */
  onFailure: () => void = () => {};

  failIf(what: string): void {
    if (!this.failing.has(what)) return;
    this.onFailure();
    throw this.failing.get(what);
  }

  removeTree(path: string): void {
    for (const known of [...this.paths.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) this.paths.delete(known);
    }
  }

  removeTrees(paths: readonly string[]): void {
    for (const path of paths) this.removeTree(path);
  }

  /** names directly below a folder */
  list(folder: string): string[] {
    const below = [...this.paths.keys()].filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(below.map((path) => path.slice(folder.length + 1).split("/")[0] ?? ""))].toSorted();
  }

  boot(driver: string, spec: BootSpec): WorldVm {
    this.failIf("boot");
    if (spec.memory) this.paths.set(spec.memory.path, "memory");
    // a guest that boots writes to its disk
    const disk = `${spec.directory}/disk.ext4`;
    if (this.paths.has(disk)) this.paths.set(disk, `${this.paths.get(disk)}, booted`);
    return this.#run({ spec, guest: new Guest({ ...this.guest }), isPaused: false, from: null, driver, ...unstopped });
  }

  restore(driver: string, from: Save, spec: BootSpec): WorldVm {
    this.failIf("restore");
    const saved = JSON.parse(this.check(driver, from)) as { generation: number; disk: string };
    const disk = this.paths.get(`${spec.directory}/disk.ext4`);
    if (disk !== saved.disk) throw new Error(`memory of a VM whose disk was "${saved.disk}" met the disk "${disk}"`);
    return this.#run({ spec, guest: new Guest({ ...this.guest }, saved), isPaused: true, from, driver, ...unstopped });
  }

  writeDisk({ spec }: WorldVm): void {
    const disk = `${spec.directory}/disk.ext4`;
    this.paths.set(disk, `${this.paths.get(disk)}, written`);
  }

  /** @returns the state */
  check(driver: string, { record, files }: Save): string {
    const saved = `${record.driver} ${record.version}`;
    const present = `${driver} ${this.version}`;
    if (saved !== present) throw fail("SAVE_VERSION", { saved, present });
    const state = this.paths.get(files.state);
    if (state === undefined || !this.paths.has(files.memory))
      throw fail("SAVE_DAMAGED", { path: files.state, problem: "is missing" });
    return state;
  }

  save(vm: WorldVm, files: SaveFiles, { keepsSessions }: Pick<DriverFeatures, "keepsSessions">): SaveRecord {
    vm.isPaused = true;
    this.failIf("save");
    if (!keepsSessions) vm.guest.dropSessions();
    this.paths.set(files.memory, "memory");
    this.paths.set(
      files.state,
      JSON.stringify({ generation: vm.guest.generation, disk: this.paths.get(`${vm.spec.directory}/disk.ext4`) }),
    );
    const { vcpu, memoryMib } = vm.spec;
    const shape = `${vcpu} ${memoryMib}`;
    const of = { driver: vm.driver, version: vm.version, accel: "tcg", shape } as const;
    const memoryStamp = String(this.#nextStamp++);
    return { ...of, memoryBytes: 6, memoryStamp, stateBytes: 20, stateDigest: digestOf("6") };
  }

  rename(from: string, to: string): void {
    const moved = [...this.paths].filter(([path]) => path === from || path.startsWith(`${from}/`));
    if (moved.length === 0) throw Object.assign(new Error(`no ${from}`), { code: "ENOENT" });
    this.removeTree(to);
    for (const [path, text] of moved) {
      this.paths.delete(path);
      this.paths.set(to + path.slice(from.length), text);
    }
  }

  copy(from: string, to: string): void {
    const text = this.paths.get(from);
    if (text === undefined) throw Object.assign(new Error(`no ${from}`), { code: "ENOENT" });
    this.paths.set(to, text);
  }

  /** A VMM stops its guest on its own, and again whenever it is resumed; null: no longer. */
  failWrites(vm: WorldVm, why: VmmStop | null): void {
    if (why) this.failingWrites.set(vm, why);
    else this.failingWrites.delete(vm);
    if (why) this.stop(vm, why);
  }

  stop(vm: WorldVm, why: VmmStop): void {
    vm.isPaused = true;
    vm.stopped = why;
    vm.onStopped(why);
  }

  #run(parts: Omit<WorldVm, "process" | "version">): WorldVm {
    const { spec } = parts;
    const vm = { ...parts, process: this.newProcess(), version: this.version };
    this.vmms.set(vm.process.pid, vm);
    this.#begun.resolve(vm);
    this.#begun = new Deferred();
    for (const name of sockets) this.paths.set(`${spec.directory}/${name}`, "");
    this.paths.set(`${spec.directory}/serial.log`, this.serialLog);
    return vm;
  }

  endStrays(directory: string): void {
    for (const vm of this.living()) if (vm.spec.directory === directory) vm.guest.end({ kind: "killed" });
    for (const [pid, folder] of this.networks) if (folder === directory) this.networks.delete(pid);
  }
}

/** what a VMM leaves in its VM's folder until it is cleaned */
const sockets = ["monitor.sock", "agent.sock"];

/** A driver as a new daemon makes it: it knows only the world. */
export function worldDriver(world: World, name = "world", own: Partial<DriverFeatures> = world.features): VmmDriver {
  const features: DriverFeatures = {
    nested: true,
    pause: true,
    snapshots: world.canSave,
    keepsSessions: true,
    growDisk: true,
    savesInPlace: true,
    netDevices: ["stream"],
    tapTakesDisk: false,
    maxDisks: 20,
    maxVcpu: 64,
    vsock: false,
    ...own,
  };
  return {
    name,
    programs: [],
    probe: async () => {
      world.probes += 1;
      const { gaps, sharing, kvmDenied, vmmProblem } = world;
      if (vmmProblem) return { usable: false, ...vmmProblem };
      const of = { driver: name, version: world.version, accel: "tcg", why: "a test" } as const;
      return { usable: true, ...of, kvmDenied, features: { ...features, nested: world.nested }, gaps, sharing };
    },
    async boot(spec, signal) {
      signal.throwIfAborted();
      if (spec.memory && !features.savesInPlace) throw new Error("this VMM does not save in place");
      return runningVm(world, world.boot(name, spec), features);
    },
    check: async (save) => void world.check(name, save),
    async restore(save, spec, signal, onStarted) {
      signal.throwIfAborted();
      onStarted?.();
      return runningVm(world, world.restore(name, save, spec), features);
    },
    async adopt(record) {
      const vm = world.vmms.get(record.process.pid);
      if (vm) await world.answer(vm);
      return vm && vm.guest.exit === null ? runningVm(world, vm, features) : null;
    },
    end: async (record) => world.vmms.get(record.process.pid)?.guest.end({ kind: "killed" }),
    async postMortem(record): Promise<VmExit> {
      return world.vmms.get(record.process.pid)?.guest.exit ?? { kind: "vmm-died", reason: "no trace of it" };
    },
    async clean(directory) {
      for (const name of sockets) world.removeTree(`${directory}/${name}`);
    },
    savedNetwork: () => features.netDevices[0] ?? null,
  };
}

function runningVm(world: World, vm: WorldVm, features: DriverFeatures): RunningVm {
  const record: DriverRecord = {
    driver: vm.driver,
    version: vm.version,
    process: vm.process,
    directory: vm.spec.directory,
  };
  const released = new Deferred<VmExit>();
  return {
    record,
    // the stream is never read: the test's connectAgent takes the guest from it
    agent: async () => ({ stream: { vm } as never, resync: false }),
    async pause() {
      await world.answer(vm);
      vm.isPaused = true;
      world.paused.resolve(vm);
      world.paused = new Deferred();
    },
    async resume() {
      await world.answer(vm);
      if (vm.spec.memory && vm.isPaused) throw new Error("it was saved in place");
      if (vm.from && vm.isPaused && vm.guest.behaviour.writesWhenWoken) world.writeDisk(vm);
      vm.isPaused = false;
      vm.stopped = null;
      const failing = world.failingWrites.get(vm);
      if (failing) queueMicrotask(() => world.stop(vm, failing));
    },
    stopped: () => vm.stopped,
    onStopped(listener) {
      vm.onStopped = listener;
    },
    onTrouble(listener) {
      vm.onTrouble = listener;
    },
    async powerdown() {
      if (vm.guest.behaviour.hasButton) vm.guest.end({ kind: "poweroff" });
    },
    kill: async () => vm.guest.end({ kind: "killed" }),
    wait: () => Promise.race([vm.guest.exited.promise, released.promise]),
    stats: async () => ({ rssBytes: 0, cpuMs: 0 }),
    grow: async () => {},
    async save(files, signal) {
      signal.throwIfAborted();
      await world.answer(vm);
      return world.save(vm, files, features);
    },
    release: () => {},
  };
}

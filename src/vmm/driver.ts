/** The contract between banger and a virtual machine monitor. `driver.contract.ts` is its test suite. */
import type { ByteStream } from "../base/bytes.ts";
import type { Digest, VmId } from "../base/names.ts";
import type { Gap } from "../model/cage.ts";
import type { ProcessRef, TroubleKind } from "../model/vm.ts";

/** What a driver can do here; callers read these and never ask a driver for its name. */
export type DriverFeatures = {
  pause: boolean;
  /** a session with the agent outlives a save of its VM */
  keepsSessions: boolean;
  /** save and restore of memory */
  snapshots: boolean;
  /** the disk can grow while the VM runs */
  growDisk: boolean;
  /** a VM whose memory is a file from its boot on can be saved by writing the rest: `BootSpec.memory` */
  savesInPlace: boolean;
  /** the devices that it gives a VM, in no order */
  netDevices: readonly NetDevice["kind"][];
};

export type Probe =
  | {
      usable: true;
      /** its name, as records have it */
      driver: string;
      version: string;
      accel: "kvm" | "tcg" /** why not KVM, when `tcg` */;
      why: string;
      /** KVM is there, and this user may not use it */
      kvmDenied?: boolean;
      features: DriverFeatures;
      /** layers of its VMMs' cage that this host does not have */
      gaps: Gap[];
      /** what a VMM's cage lacks besides, where other VMs are restored from the same save; null: nothing */
      sharing: Gap | null;
    }
  | { usable: false; why: string /** what to type */; fix: string };

/** One virtio-blk device; the guest finds it by `serial`. Raw format only: no format probing, ever. */
export type BlockDevice = { serial: string; path: string; readOnly: boolean; cache?: "writeback" | "unsafe" };

export type NetDevice =
  /** frames over a unix stream socket that passt listens on */
  | { kind: "stream"; socket: string; mac: string }
  /** the VMM's own user-mode network: reaches the host's loopback, so only a fallback */
  | { kind: "builtin"; mac: string };

/** Everything a VMM needs for a cold boot. Paths are absolute; all below `directory` belong to this VM alone. */
export type BootSpec = {
  id: VmId;
  directory: string;
  vcpu: number;
  memoryMib: number;
  vmlinux: string;
  initramfs: string;
  /** words for the guest's agent (`banger.…=`); the driver adds what its devices need */
  kernelArgs: string[];
  blockDevices: BlockDevice[];
  net: NetDevice | null;
  /**
   * Guest memory lives in this new file, shared with it: what a template is made from, as `save` then writes the state
   * alone. Left out, memory is the VMM's own. Not used by `restore`.
   */
  memory?: { path: string };
};

/** Where a saved VM's parts are; absolute. Both are mode 0600: they hold all that the guest had in memory. */
export type SaveFiles = {
  /** guest memory, sparse */
  memory: string;
  /** the devices' state */
  state: string;
};

/** What must be known of a saved VM to restore it; plain JSON, kept in SQLite. */
export type SaveRecord = {
  driver: string;
  version: string;
  accel: "kvm" | "tcg";
  /** its devices in words that can be compared: `shapeOf` of its specification */
  shape: string;
  /** apparent size of `SaveFiles.memory` */
  memoryBytes: number;
  /** of the memory file, for `isUntouched` */
  memoryStamp?: string;
  stateBytes: number;
  stateDigest: Digest;
  [extra: string]: unknown;
};

export type Save = { record: SaveRecord; files: SaveFiles };

/** What must be remembered to find a running VM again after the daemon died; plain JSON, kept in SQLite. */
export type DriverRecord = {
  driver: string;
  version: string;
  process: ProcessRef;
  directory: string;
  [extra: string]: unknown;
};

/** How a VM ended. The VMM process is gone when this is known. */
export type VmExit =
  | { kind: "poweroff" | "halt" | "reboot" }
  /** the guest's kernel gave up; `reason` from the console: `out of memory`, or the panic's line */
  | { kind: "panic"; reason: string }
  /** `kill()` was called here */
  | { kind: "killed" }
  /** the process ended otherwise; `reason` says status or signal and its log's last line */
  | { kind: "vmm-died"; reason: string };

/** The VMM stopped the guest by itself. Nothing of it is lost: `resume` has it try again what failed. */
export type VmmStop = {
  /**
   * `disk-full`: no space, or no quota left, for what the guest writes; `file-limit`: the disk's file may grow no further;
   * `vmm-error`: the VMM can't run the guest any further
   */
  kind: "disk-full" | "file-limit" | "io-error" | "vmm-error";
  /** in the VMM's words, control characters removed */
  reason: string;
};

/** Something went wrong and the guest runs on: what is told to its user, who decides. */
export type VmmTrouble = {
  kind: TroubleKind;
  /** in the VMM's words, control characters removed */
  reason: string;
};

export interface RunningVm {
  readonly record: DriverRecord;
  /**
   * A fresh line to the agent. On virtio-serial only one is open at a time: opening takes it over.
   * `resync` is true when something may have used the line since the VM booted.
   */
  agent(): Promise<{ stream: ByteStream; resync: boolean }>;
  pause(): Promise<void>;
  /** Also what lets a restored VM run. @throws Error (a bug) after a save in place: the save would change under its clones */
  resume(): Promise<void>;
  /**
   * Saves the VM, and leaves it paused: the caller copies its disks, which are no part of the save, and then resumes or kills
   * it. A VM that runs is paused as late as the driver can, so that the guest hardly notices; one that is paused before is saved
   * sooner. A session with the agent goes on afterwards where `features.keepsSessions` says so; no copy has a part in it.
   * A VM booted with `memory` is saved in place: its file must be `files.memory`, and it can't run on.
   * Both names are taken by finished files only, the state's last; nothing is synced before `makeDurable`.
   * On failure or abort no file is left; the VM is paused and can be resumed (one with `memory` too). One that was not resumed since can
   * be saved again; its guest may run for an instant before.
   * @throws SAVE_FAILED, DISK_FULL, and the signal's reason
   */
  save(files: SaveFiles, signal: AbortSignal): Promise<SaveRecord>;
  /**
   * Why the VMM has stopped the guest by itself; null while it runs, and where `pause` or `save` stopped it. Known from the
   * start of one that was adopted.
   */
  stopped(): VmmStop | null;
  /** Called each time the VMM stops the guest by itself, from now on. Set once. */
  onStopped(listener: (stop: VmmStop) => void): void;
  /** Called for each trouble from now on; one that came before is kept. Set once. */
  onTrouble(listener: (trouble: VmmTrouble) => void): void;
  /** Asks the guest as a power button would; may be ignored. The agent's `poweroff` is the better way. */
  powerdown(): Promise<void>;
  /** Ends the process at once; resolves when it is gone. Idempotent. */
  kill(): Promise<void>;
  /** The same promise each time; never rejects. */
  wait(): Promise<VmExit>;
  stats(): Promise<VmmStats>;
  /** Tells the guest of a disk file that was made larger. */
  grow(serial: string, bytes: number): Promise<void>;
  /** Drops what this process holds of the VM (sockets, watches), leaving the VM running. */
  release(): void;
}

export type VmmStats = { /** resident memory of the VMM in bytes */ rssBytes: number; cpuMs: number };

export interface VmmDriver {
  readonly name: string;
  /** what the names of its processes' programs begin with; a VM's have its folder among their arguments */
  readonly programs: readonly string[];
  probe(): Promise<Probe>;
  /**
   * Resolves once the VMM process has accepted the configuration and the guest's first instruction may run.
   * A failure or abort leaves no process and no socket behind. The VM outlives this process.
   */
  boot(spec: BootSpec, signal: AbortSignal): Promise<RunningVm>;
  /**
   * All of a save that can be told without loading it, as `restore` does first: so that nothing is given up for one that is no use.
   * @throws SAVE_VERSION, SAVE_DAMAGED, SAVE_OTHER_DEVICES
   */
  check(save: Save, spec: Pick<BootSpec, "vcpu" | "memoryMib" | "blockDevices" | "net">): Promise<void>;
  /**
   * Checks a save and loads it. The VM is paused when this resolves, so it can be kept warm; `resume()` lets it run. `spec`
   * names the same devices as when it was saved; its disks have the content of then, at any path, and may be larger (`grow` tells
   * the guest). Memory is mapped privately: the save's files are never changed, and may be removed afterwards.
   * A failure or abort leaves no process and no socket behind.
   * @param onStarted called when the VMM is up and waits for the state
   * @throws SAVE_VERSION (another driver, version or accelerator saved it), SAVE_DAMAGED, SAVE_OTHER_DEVICES, VMM_START_FAILED
   */
  restore(save: Save, spec: BootSpec, signal: AbortSignal, onStarted?: () => void): Promise<RunningVm>;
  /** Null when the process is gone (or another one has its pid); never starts anything. */
  adopt(record: DriverRecord): Promise<RunningVm | null>;
  /** Ends the process of one that may not be adopted, by SIGKILL: nothing is asked of it. Resolves when it is gone, at once if it was. */
  end(record: DriverRecord): Promise<void>;
  /** After `adopt` gave null: how it ended, as far as the files that it left tell. */
  postMortem(record: DriverRecord): Promise<VmExit>;
  /** Removes what a VMM of this driver's may have left in its VM's folder and the next one would meet; fine when there is nothing. */
  clean(directory: string): Promise<void>;
  /** The network device that a saved VM has, and must be given again; null: none. */
  savedNetwork(record: SaveRecord): NetDevice["kind"] | null;
}

/** All drivers of this host behind one door: see `combineDrivers`. */
export type VmmDrivers = Omit<VmmDriver, "name">;

/** The interface to a virtual machine monitor. Its tests for every driver are the `*.contract.ts` files. */
import type { ByteStream } from "../base/bytes.ts";
import type { Digest, VmId } from "../base/names.ts";
import type { Gap } from "../model/cage.ts";
import type { ProcessRef, TroubleKind } from "../model/vm.ts";

/** What a driver supports. Callers test these, never a driver's name. */
export type DriverFeatures = {
  pause: boolean;
  /** a session with the agent survives a save of its VM */
  keepsSessions: boolean;
  /** save and restore of memory */
  snapshots: boolean;
  /** the disk can grow while the VM runs */
  growDisk: boolean;
  /** a VM booted with `BootSpec.memory` can be saved by writing only its device state */
  savesInPlace: boolean;
  /** the network devices it supports, in no particular order */
  netDevices: readonly NetDevice["kind"][];
  /** a guest can run VMs of its own, on this host as it is now */
  nested: boolean;
  /** how many disks a VM can have, those that the host adds later included */
  maxDisks: number;
  /** a TAP interface takes the place of one of them */
  tapTakesDisk: boolean;
  maxVcpu: number;
  /** a guest's agent is reached over a vsock, for which its kernel must have been stored with the modules */
  vsock: boolean;
};

export type Probe =
  | {
      usable: true;
      /** the driver's name, as in records */
      driver: string;
      version: string;
      accel: "kvm" | "tcg" /** why not KVM, or who asked for it */;
      why: string;
      /** what to type for KVM; absent with KVM, and when emulation was requested */
      fix?: string;
      /** the host has KVM, but this user lacks permission for it */
      kvmDenied?: boolean;
      features: DriverFeatures;
      /** layers of a VMM's cage that this host can't provide */
      gaps: Gap[];
      /** what may not work with this version; absent: it is the one that banger is tested with, or none is known */
      caution?: string;
      /** a further gap for VMs restored from a save that others use too; null: none */
      sharing: Gap | null;
    }
  | { usable: false; why: string /** how to fix it */; fix: string };

/** One virtio-blk device. The format is always raw: nothing is probed. */
export type BlockDevice = {
  /** how the agent refers to it: `layer0`, `data`, … (`protocol/agent.md`). Letters and digits, unique within the VM */
  name: string;
  path: string;
  readOnly: boolean;
  cache?: "writeback" | "unsafe";
};

export type NetDevice =
  /** frames over a unix stream socket that passt listens on */
  | { kind: "stream"; socket: string; mac: string }
  /** the VMM's own user-mode network; only a fallback, as the guest can reach the host's loopback */
  | { kind: "builtin"; mac: string }
  /**
   * no device of the VMM's: the guest's agent makes a TAP, and `netguard` carries its frames over the VM's vsock, through the
   * socket `vsock` of the VM's folder
   */
  | { kind: "agent"; mac: string }
  /** a TAP interface of the host that belongs to the user, and to which no program is attached */
  | { kind: "tap"; name: string; mac: string };

/** Everything a VMM needs for a cold boot. Paths are absolute; everything in `directory` belongs to this VM alone. */
export type BootSpec = {
  id: VmId;
  directory: string;
  vcpu: number;
  memoryMib: number;
  vmlinux: string;
  initramfs: string;
  /** kernel arguments for the agent (`banger.…=`); the driver adds `banger.port` and `banger.disks` (`disks.ts`) */
  kernelArgs: string[];
  /** in the order in which the driver attaches them, which decides their device names in the guest */
  blockDevices: BlockDevice[];
  net: NetDevice | null;
  /**
   * Maps guest memory from this new file, shared: then `save` has only the device state to write, as for a template. Without
   * it, memory is anonymous. Ignored by `restore`, and by drivers without `features.savesInPlace`.
   */
  memory?: { path: string };
  /** gives the guest what it needs to run VMs of its own; only with `features.nested`. A restored guest has what its save had */
  nested?: true;
};

/** Absolute paths of a save. Both files have mode 0600: they contain the guest's memory, with its secrets. */
export type SaveFiles = {
  /** guest memory, sparse */
  memory: string;
  /** device state */
  state: string;
};

/** What a restore must know about a save; JSON, stored in SQLite. */
export type SaveRecord = {
  driver: string;
  version: string;
  accel: "kvm" | "tcg";
  /** `shapeOf` its specification: a text that is equal when the devices are */
  shape: string;
  /** apparent size of `SaveFiles.memory` */
  memoryBytes: number;
  /** change stamp of the memory file, for `isUntouched` */
  memoryStamp?: string;
  stateBytes: number;
  stateDigest: Digest;
  [extra: string]: unknown;
};

export type Save = { record: SaveRecord; files: SaveFiles };

/** What the next daemon needs to adopt a running VM; JSON, stored in SQLite. */
export type DriverRecord = {
  driver: string;
  version: string;
  process: ProcessRef;
  directory: string;
  [extra: string]: unknown;
};

/** How a VM ended. The VMM process is gone by then. */
export type VmExit =
  | { kind: "poweroff" | "halt" | "reboot" }
  /** the guest's kernel panicked; `reason` is from the console: `out of memory`, or the text of the panic */
  | { kind: "panic"; reason: string }
  /** `kill()` was called */
  | { kind: "killed" }
  /** the process ended otherwise; `reason` has its status or signal, and the last line of its log */
  | { kind: "vmm-died"; reason: string };

/** The VMM stopped the guest on its own. Nothing is lost: `resume` retries the operation that failed. */
export type VmmStop = {
  /**
   * `disk-full`: the host has no space or quota left for the guest's writes; `file-limit`: the disk's file has reached its size
   * limit; `vmm-error`: the guest sleeps or its watchdog expired
   */
  kind: "disk-full" | "file-limit" | "io-error" | "vmm-error";
  /** the VMM's own text, without control characters */
  reason: string;
};

/** Something went wrong but the guest runs on: reported to the user, who decides. */
export type VmmTrouble = {
  kind: TroubleKind;
  /** the VMM's own text, without control characters */
  reason: string;
};

export interface RunningVm {
  readonly record: DriverRecord;
  /**
   * Opens a connection to the agent. virtio-serial has one at a time: a new one replaces the old.
   * `resync` is true when an earlier session may have used the port since the VM booted.
   */
  agent(): Promise<{ stream: ByteStream; resync: boolean }>;
  pause(): Promise<void>;
  /** Also starts a restored VM. @throws Error (a bug) after a save in place, whose clones share this memory */
  resume(): Promise<void>;
  /**
   * Saves the VM and leaves it paused. The caller copies its disks, which are not part of the save, then resumes or kills it.
   * A running VM is paused as late as possible; saving a paused one takes less time. With `features.keepsSessions` a session
   * with the agent survives; copies have no part in it.
   * With `features.savesInPlace`, a VM booted with `memory` is saved in place: its file must be `files.memory`, and it can't be resumed.
   * Files get their names when complete, the state's last. They are not synced before `makeDurable`.
   * On failure or abort no file is left, and the VM is paused and can be resumed (one with `memory` too). A VM that was not
   * resumed since can be saved again; its guest may run for an instant first.
   * @throws SAVE_FAILED, DISK_FULL, and the signal's reason
   */
  save(files: SaveFiles, signal: AbortSignal): Promise<SaveRecord>;
  /**
   * Why the VMM stopped the guest on its own; null while it runs, and when `pause` or `save` stopped it. After `adopt` it is
   * known at once.
   */
  stopped(): VmmStop | null;
  /** Called each time the VMM stops the guest on its own, from now on. Set once. */
  onStopped(listener: (stop: VmmStop) => void): void;
  /** Called for each trouble, earlier ones included. Set once. */
  onTrouble(listener: (trouble: VmmTrouble) => void): void;
  /** Presses the power button, which the guest can ignore. Prefer the agent's `poweroff`. */
  powerdown(): Promise<void>;
  /** Sends SIGKILL; resolves when the process is gone. Idempotent. */
  kill(): Promise<void>;
  /** The same promise each time; never rejects. */
  wait(): Promise<VmExit>;
  stats(): Promise<VmmStats>;
  /** Announces to the guest the new size of the file of the disk named `disk`. */
  grow(disk: string, bytes: number): Promise<void>;
  /** Releases this process's sockets and watches; the VM runs on. */
  release(): void;
}

export type VmmStats = { /** resident memory of the VMM in bytes */ rssBytes: number; cpuMs: number };

export interface VmmDriver {
  readonly name: string;
  /** name prefixes of the programs it runs; their arguments contain the VM's folder */
  readonly programs: readonly string[];
  probe(): Promise<Probe>;
  /**
   * Resolves once the VMM has accepted the configuration and the guest can run. On failure or abort no process and no socket
   * is left. The VM outlives this process.
   */
  boot(spec: BootSpec, signal: AbortSignal): Promise<RunningVm>;
  /**
   * The checks that `restore` does before it loads anything, so that nothing is given up for a save that can't be used.
   * @throws SAVE_VERSION, SAVE_DAMAGED, SAVE_OTHER_DEVICES
   */
  check(save: Save, spec: Pick<BootSpec, "vcpu" | "memoryMib" | "blockDevices" | "net">): Promise<void>;
  /**
   * Checks a save and loads it. The VM is paused when this resolves; `resume()` lets it run. `spec` must name the devices that
   * were saved; its disks must have the content of that time, at any path, and can be larger (call `grow` then). Memory is
   * mapped privately: the save's files never change, and can be removed afterwards.
   * On failure or abort no process and no socket is left.
   * @param onStarted called when the VMM waits for the state
   * @throws SAVE_VERSION (saved by another driver, version or accelerator), SAVE_DAMAGED, SAVE_OTHER_DEVICES, VMM_START_FAILED
   */
  restore(save: Save, spec: BootSpec, signal: AbortSignal, onStarted?: () => void): Promise<RunningVm>;
  /** Null when the process is gone or its pid was reused. Never starts anything. */
  adopt(record: DriverRecord): Promise<RunningVm | null>;
  /** Ends a VMM without adopting it, by SIGKILL. Resolves when the process is gone. */
  end(record: DriverRecord): Promise<void>;
  /** After `adopt` returned null: how the VM ended, as far as its logs show. */
  postMortem(record: DriverRecord): Promise<VmExit>;
  /**
   * Removes files in a VM's folder that an earlier VMM left and that would be in the way of the next, and its control group. Idempotent.
   */
  clean(directory: string): Promise<void>;
  /** The network device that a restore must provide; null: none. */
  savedNetwork(record: SaveRecord): NetDevice["kind"] | null;
}

/** The drivers of this host: see `combineDrivers`. */
export type VmmDrivers = {
  /** best first, at least one */
  readonly all: readonly VmmDriver[];
  /** the `programs` of all drivers */
  readonly programs: readonly string[];
  /** @throws VMM_NOT_FOUND when this banger has no such driver */
  named(name: string): VmmDriver;
  /** `clean` of every driver, for a folder whose VM may be any driver's */
  clean(directory: string): Promise<void>;
};

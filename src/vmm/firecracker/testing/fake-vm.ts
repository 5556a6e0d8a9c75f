/** The VM of the fake Firecracker: what each request does, and what the real one refuses. */
import * as fs from "node:fs";
import net from "node:net";
import { guestFlags, requireLeaves } from "./fake-cpu.ts";
import { FakeGuest, type Memory } from "./fake-guest.ts";
import { DirtyPages, memoryOf, pageAt, pagesOf } from "./fake-memory.ts";
import { type NetworkDevice, openedTap, overridden } from "./fake-network.ts";
import type { Parsed } from "./fake-schema.ts";
import type { Settings } from "./fake-settings.ts";

type Drive = { id: string; path: string; readOnly: boolean };
type State = { version: string; drives: Drive[]; networks: NetworkDevice[]; vsock: string; memoryMib: number };

/** Lines 5 to 23, of which the generation id has one. */
const interruptLines = 18;
const mib = 1024 * 1024;

/** A refusal after which the process ends with status 1. */
export class FatalFault extends Error {}

export class FakeVm {
  readonly #settings: Settings;
  readonly #end: () => void;
  #kernel: { path: string; args: string } | null = null;
  #memoryMib = 128;
  #cpu: Record<string, unknown> = {};
  #drives: Drive[] = [];
  #networks: NetworkDevice[] = [];
  #vsock: string | null = null;
  #devices = new Set<string>();
  #guest: FakeGuest | null = null;
  #dirty: DirtyPages | null = null;

  /** @param end ends the process with status 0 */
  constructor(settings: Settings, end: () => void) {
    this.#settings = settings;
    this.#end = end;
  }

  get state(): "Not started" | "Running" | "Paused" {
    if (!this.#guest) return "Not started";
    return this.#guest.isRunning ? "Running" : "Paused";
  }

  /** @throws Error with Firecracker's fault message, FatalFault */
  act({ action, fields }: Parsed): void {
    const text = (name: string) => String(fields[name] ?? "");
    if (action === "PUT boot-source")
      return this.#bootSource(text("kernel_image_path"), text("initrd_path"), text("boot_args"));
    if (action === "PUT machine-config")
      return this.#machine(Number(fields["vcpu_count"]), Number(fields["mem_size_mib"]));
    if (action === "PUT cpu-config") return this.#cpuConfig(fields);
    if (action === "PUT drives")
      return this.#drive({
        id: text("drive_id"),
        path: text("path_on_host"),
        readOnly: fields["is_read_only"] === true,
      });
    if (action === "PATCH drives") return this.#patchDrive(text("drive_id"), text("path_on_host"));
    if (action === "PUT network-interfaces") return this.#network({ id: text("iface_id"), tap: text("host_dev_name") });
    if (action === "PUT vsock") return this.#putVsock(text("uds_path"));
    if (action === "PUT entropy" || action === "PUT balloon") return this.#device(action);
    if (action === "PUT actions") return text("action_type") === "InstanceStart" ? this.#start() : this.#ctrlAltDel();
    if (action === "PATCH vm") return this.#setState(text("state"));
    if (action === "PUT snapshot/create")
      return this.#save(text("snapshot_type"), text("snapshot_path"), text("mem_file_path"));
    return this.#load(fields);
  }

  #bootSource(kernel: string, initrd: string, args: string): void {
    this.#beforeStart();
    opened(kernel, "Boot source error: The kernel file cannot be opened");
    opened(initrd, "Boot source error: The initrd file cannot be opened due to invalid path or invalid permissions.");
    this.#kernel = { path: kernel, args };
  }

  #machine(vcpus: number, memoryMib: number): void {
    this.#beforeStart();
    if (memoryMib === 0)
      throw new Error(
        "Machine config error: The memory size (MiB) is either 0, or not a multiple of the configured page size.",
      );
    if (vcpus < 1 || vcpus > 32)
      throw new Error(
        "Machine config error: The vCPU number is invalid! The vCPU number can only be 1 or an even number when SMT is enabled.",
      );
    this.#memoryMib = memoryMib;
  }

  #cpuConfig(fields: Record<string, unknown>): void {
    this.#beforeStart();
    this.#cpu = fields;
  }

  #drive(drive: Drive): void {
    this.#beforeStart();
    openedDrive(drive.path, drive.readOnly);
    this.#drives = [...this.#drives.filter(({ id }) => id !== drive.id), drive];
  }

  #patchDrive(id: string, path: string): void {
    if (!this.#guest) throw new Error("The requested operation is not supported before starting the microVM.");
    const drive = this.#drives.find((each) => each.id === id);
    if (!drive)
      throw new Error(
        `Drive config error: Unable to patch the block device: Device manager error: Could not find device`,
      );
    openedDrive(path, drive.readOnly);
    drive.path = path;
  }

  #network(device: NetworkDevice): void {
    this.#beforeStart();
    openedTap(device.tap, this.#settings);
    this.#networks = [...this.#networks.filter(({ id }) => id !== device.id), device];
  }

  #putVsock(path: string): void {
    this.#beforeStart();
    this.#listen(path);
  }

  /** Binds the socket at once. */
  #listen(path: string): void {
    if (fs.existsSync(path)) {
      const why = "Error binding to the host-side Unix socket: Address in use (os error 98)";
      throw new Error(`Vsock config error: Cannot create backend for vsock device: ${why}`);
    }
    net
      .createServer({ allowHalfOpen: true }, (line) => (this.#guest ? this.#guest.connected(line) : line.destroy()))
      .listen(path);
    this.#vsock = path;
  }

  #device(name: string): void {
    this.#beforeStart();
    this.#devices.add(name);
  }

  #start(): void {
    this.#beforeStart();
    if (!this.#kernel) throw new Error("Start microvm error: Cannot start microvm without kernel configuration.");
    const { path, args } = this.#kernel;
    if (fs.readFileSync(path).subarray(0, 4).toString("latin1") !== "\x7fELF") {
      const why =
        "Cannot load kernel due to invalid memory configuration or invalid kernel image: Kernel Loader: Invalid Elf magic number";
      throw new Error(`Start microvm error: ${why}`);
    }
    if (this.#drives.length + this.#networks.length + this.#devices.size + (this.#vsock ? 1 : 0) > interruptLines)
      throw new Error(
        "Start microvm error: Device manager error: Failed to allocate requested resource: The requested resource is not available.",
      );
    requireLeaves(this.#cpu, this.#settings.cpuLeaves);
    const cpuFlags = guestFlags(this.#cpu, this.#settings.cpuLeaves);
    const memory: Memory = { kernelArgs: `${args} pci=off`, cpuFlags, phase: "boot", generation: 0, notes: {} };
    this.#guest = this.#newGuest(memory, false);
    this.#dirty = new DirtyPages("booted", memory);
    const guest = this.#guest;
    guest.run();
    setTimeout(() => {
      guest.isListening = true;
    }, this.#settings.bootMs);
  }

  #newGuest(memory: Memory, isRestored: boolean): FakeGuest {
    const diskBytes = (device: string) => fs.statSync(this.#drives[device.charCodeAt(2) - 97]?.path ?? "").size;
    return new FakeGuest(memory, { reset: this.#end, diskBytes }, isRestored);
  }

  #ctrlAltDel(): void {
    this.#started().print("reboot: Restarting system");
    setTimeout(this.#end, 1);
  }

  #setState(state: string): void {
    const guest = this.#started();
    if (state === "Paused") guest.pause();
    else guest.run();
  }

  #save(type: string, statePath: string, memoryPath: string): void {
    const guest = this.#started();
    if (guest.isRunning)
      throw new Error(
        "Create snapshot error: Cannot save the microVM state: Operation not allowed: save/restore unavailable while running",
      );
    guest.dropConnections();
    const state: State = {
      version: this.#settings.version,
      drives: this.#drives,
      networks: this.#networks,
      vsock: this.#vsock ?? "",
      memoryMib: this.#memoryMib,
    };
    fs.writeFileSync(statePath, JSON.stringify(state));
    this.#writeMemory(type, memoryPath, guest);
  }

  /** A file of the right size keeps what is not written, any other one is emptied before (snapshot_memory_to_file of src/vmm/src/vstate/vm.rs). */
  #writeMemory(type: string, path: string, { memory }: FakeGuest): void {
    const bytes = this.#memoryMib * mib;
    const file = fs.openSync(path, fs.existsSync(path) ? "r+" : "w");
    if (fs.fstatSync(file).size !== bytes) fs.ftruncateSync(file, 0);
    fs.ftruncateSync(file, bytes);
    const pages = pagesOf(memory);
    const all = [...Array(bytes / 4096).keys()];
    const dirty = this.#settings.isSwapped ? [] : (this.#dirty?.dirty(pages, all.length) ?? []);
    const written = type === "Diff" ? dirty : all;
    for (const index of written) {
      const { bytes: page, at } = pageAt(pages, index);
      fs.writeSync(file, page, 0, page.length, at);
    }
    fs.closeSync(file);
    this.#dirty?.count(pages, type);
    if (this.#settings.saves) fs.appendFileSync(this.#settings.saves, `${type} ${written.length}\n`);
  }

  #load(fields: Record<string, unknown>): void {
    if (this.#guest || this.#kernel || this.#drives.length > 0 || this.#networks.length > 0 || this.#vsock)
      throw new Error(
        "Load snapshot error: Loading a microVM snapshot not allowed after configuring boot-specific resources.",
      );
    const backend = fields["mem_backend"] as { backend_type?: unknown; backend_path?: unknown } | undefined;
    if (backend?.backend_type !== "File") throw new Error("Load snapshot error: only the backend File is played here");
    try {
      const state = readState(String(fields["snapshot_path"]));
      const networks = overridden(state.networks, fields["network_overrides"]);
      const memory = this.#restore({ ...state, networks }, String(backend.backend_path));
      this.#guest = this.#newGuest(memory, true);
      this.#dirty = new DirtyPages(fields["track_dirty_pages"] === true ? "tracked" : "loaded", memory);
    } catch (error) {
      throw new FatalFault(`Load snapshot error: Failed to restore from snapshot: ${(error as Error).message}`);
    }
    if (fields["resume_vm"] === true) this.#guest.run();
  }

  #restore(state: State, memoryPath: string): Memory {
    if (state.version !== this.#settings.version)
      throw new Error(`Snapshot file's version ${state.version} is not supported`);
    // it stays open, as the real one maps it
    const memory = fs.readFileSync(fs.openSync(memoryPath, "r"));
    if (memory.length !== state.memoryMib * mib) throw new Error("Failed to load guest memory: the file is too short");
    for (const { path, readOnly } of state.drives) openedDrive(path, readOnly);
    for (const { tap } of state.networks) openedTap(tap, this.#settings);
    this.#networks = state.networks;
    this.#listen(state.vsock);
    this.#drives = state.drives;
    this.#memoryMib = state.memoryMib;
    return memoryOf(memory);
  }

  #beforeStart(): void {
    if (this.#guest) throw new Error("The requested operation is not supported after starting the microVM.");
  }

  #started(): FakeGuest {
    if (this.#guest) return this.#guest;
    throw new Error("The requested operation is not supported before starting the microVM.");
  }
}

function readState(path: string): State {
  try {
    return JSON.parse(fs.readFileSync(path, "utf8"));
  } catch {
    throw new Error(
      "Failed to get snapshot state from file: Failed to load snapshot state from file: CRC64 validation failed",
    );
  }
}

/** @throws Error with `fault` and the system's words */
function opened(path: string, fault: string, flags: "r" | "r+" = "r"): void {
  try {
    fs.closeSync(fs.openSync(path, flags));
  } catch (error) {
    throw new Error(`${fault}: ${systemWords(error)}`);
  }
}

function openedDrive(path: string, readOnly: boolean): void {
  const fault = "Unable to create the virtio block device: Virtio backend error: Error manipulating the backing file";
  try {
    opened(path, `Drive config error: ${fault}`, readOnly ? "r" : "r+");
  } catch (error) {
    throw new Error(`${(error as Error).message} ${path}`);
  }
}

function systemWords(error: unknown): string {
  const { code } = error as { code?: string };
  if (code === "ENOENT") return "No such file or directory (os error 2)";
  return code === "EACCES" ? "Permission denied (os error 13)" : `${code}`;
}

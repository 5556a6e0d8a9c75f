/**
 * Everything that can be done with VMs, images and kernels: the daemon's only interface to lifecycle policy. Every method that
 * takes a VM's name also throws VM_NOT_FOUND, VM_NAME_INVALID, and VM_STATE while something else is being done with the VM;
 * every one that takes a signal throws its reason, or VM_CANCELLED, when it is aborted.
 */
import type { ImagePart, ImageRecord, ImageView, KernelRecord, KernelView, Pruned } from "../model/artifact.ts";
import type { CatalogView } from "../model/catalog.ts";
import type { Emit } from "../model/event.ts";
import type { PortView } from "../model/ports.ts";
import type { SnapshotView, TemplateRecord } from "../model/save.ts";
import type { VmRecord, VmView } from "../model/vm.ts";
import type { AgentClient } from "../wire/agent/types.ts";
import type { PortListener, StateListener } from "./guest/events.ts";
import type { Leftover } from "./guest/leftovers.ts";
import type { ArchiveUpload, PullRequest, Upload } from "./images/artifacts-port.ts";
import type { SaveRequest } from "./images/save.ts";
import type { ForkRequest } from "./life/fork.ts";
import type { Hold } from "./life/holds.ts";
import type { Use } from "./life/idle.ts";
import type { SyncNote } from "./life/note-synced.ts";
import type { StartOptions, StopOptions } from "./life/power-methods.ts";
import type { CreateRequest } from "./start/create.ts";
import type { PruneRequest } from "./templates/prune.ts";

export type Created = { vm: VmRecord /** of an ephemeral VM; the caller ends it */; hold: Hold | null };
export type UseTar = (tar: AsyncIterable<Uint8Array>) => Promise<void>;

export type Machines = VmLife & VmSaves & Templates & Images & Kernels & DaemonSide;

type VmLife = {
  /**
   * Makes a VM; with `start` it is running and as ready as requested when this resolves.
   * @throws VM_NAME_TAKEN, IMAGE_NOT_FOUND, KERNEL_NOT_FOUND, IMAGE_DAMAGED, KERNEL_DAMAGED, WORKSPACE_TOO_LARGE, DISK_FULL,
   * MEMORY_LOW, VMM_NOT_FOUND, VMM_KVM_UNUSABLE, TOOL_MISSING, NETWORK_FAILED, VM_BOOT_FAILED, VM_FAILED
   */
  create(request: CreateRequest, start: StartOptions | null, emit: Emit, signal: AbortSignal): Promise<Created>;
  /** Does nothing if it runs already. @throws as `create` does once the VM is made, SAVE_DAMAGED, SAVE_VERSION */
  start(name: string, options: StartOptions, emit: Emit, signal: AbortSignal): Promise<VmRecord>;
  /**
   * Continues after its caller is gone, as a guest that was asked to power off will do so. A suspended VM is woken first.
   * @returns `cut`: it did not end in time, and power was cut @throws what waking throws
   */
  stop(name: string, options: StopOptions, emit: Emit): Promise<{ vm: VmRecord; cut: boolean }>;
  /** Starts one that does not run. @throws as `start` */
  restart(name: string, options: StartOptions & StopOptions, emit: Emit, signal: AbortSignal): Promise<VmRecord>;
  /** At once: interrupts operations under way. @throws VM_STATE for one that neither runs nor is suspended */
  kill(name: string): Promise<VmRecord>;
  /** At once: interrupts operations under way. @throws NOT_REMOVED; it stays `deleting` then */
  delete(name: string): Promise<VmRecord>;
  /** @throws VM_NAME_TAKEN */
  rename(name: string, to: string): Promise<VmRecord>;
  /** Adds to the paths that a saved image is without. @throws REQUEST_INVALID when they are too many */
  noteSynced(name: string, noted: SyncNote): VmRecord;
  find(name: string): VmRecord;
  all(): VmRecord[];
  view(vm: VmRecord): Promise<VmView>;
  waitForEnd(name: string, signal: AbortSignal): Promise<VmRecord>;
  /** @returns ends the subscription */
  subscribe(listener: StateListener): () => void;
  /** To changes of ports. @returns ends the subscription */
  subscribePorts(listener: PortListener): () => void;
  /** Where its ports are reached on this host. */
  ports(name: string): PortView[];
  /**
   * The agent's session of a running VM, which counts as used until `end`; a suspended one is woken, unless `wakes` is false.
   * @throws AGENT_UNREACHABLE, VMM_UNREACHABLE, and what waking throws
   */
  session(name: string, options?: { wakes?: boolean }): Promise<{ vm: VmRecord; client: AgentClient } & Use>;
  logFile(name: string, source: "console" | "vmm"): { path: string; vm: VmRecord };
  /** @param holder pid of the process that holds it @throws VM_STATE when the VM is not ephemeral */
  hold(name: string, holder?: number): Hold;
};

type VmSaves = {
  pause(name: string): Promise<VmRecord>;
  resume(name: string): Promise<VmRecord>;
  /** @throws SAVE_FAILED, DISK_FULL: it keeps running then */
  suspend(name: string, emit: Emit, signal: AbortSignal): Promise<VmRecord>;
  /** All children or none. @throws VM_NAME_TAKEN, SAVE_FAILED, DISK_FULL, and what starting throws */
  fork(name: string, request: ForkRequest, emit: Emit, signal: AbortSignal): Promise<VmRecord[]>;
  /** @param as its name; undefined: one is picked @throws SNAPSHOT_TAKEN, SAVE_FAILED, DISK_FULL */
  snapshot(name: string, as: string | undefined, emit: Emit, signal: AbortSignal): Promise<SnapshotView>;
  /** @throws SNAPSHOT_NOT_FOUND; SAVE_VERSION, SAVE_DAMAGED, SAVE_OTHER_DEVICES, DISK_FULL before anything is discarded */
  restore(name: string, from: string, options: { cold?: boolean }, emit: Emit, signal: AbortSignal): Promise<VmRecord>;
  /** @param name of a VM; undefined: of all */
  snapshots(name?: string): SnapshotView[];
  /** @throws SNAPSHOT_NOT_FOUND */
  findSnapshot(id: string): SnapshotView;
  /** @throws SNAPSHOT_NOT_FOUND, NOT_REMOVED */
  deleteSnapshot(id: string): Promise<SnapshotView>;
  /** A stopped VM as an image; the VM stays as it is. @throws IMAGE_NAME_INVALID, DISK_UNREADABLE, DISK_FULL */
  save(name: string, request: SaveRequest, emit: Emit, signal: AbortSignal): Promise<ImageRecord>;
};

type Templates = {
  templates(): TemplateRecord[];
  /** @param text a key, or the first digits of one @throws TEMPLATE_NOT_FOUND, TEMPLATE_AMBIGUOUS */
  findTemplate(text: string): TemplateRecord;
  /** VMs that started from it keep running. @throws as `findTemplate`, NOT_REMOVED */
  deleteTemplate(text: string): Promise<TemplateRecord>;
  /** The template that a VM of that kind would start from, made if there is none. @throws TEMPLATE_FAILED, what `create` throws about a VM's spec */
  warmTemplate(request: CreateRequest, emit: Emit, signal: AbortSignal): Promise<TemplateRecord>;
};

type Images = {
  images(): Promise<ImageView[]>;
  /** @throws IMAGE_NOT_FOUND with how to get it, IMAGE_AMBIGUOUS, IMAGE_NAME_INVALID */
  findImage(name: string): ImageRecord;
  /** @param verify read all of its files @throws as `findImage` */
  showImage(name: string, verify: boolean): Promise<ImageView>;
  /** @throws KERNEL_NOT_FOUND for the kernel it wants, IMAGE_INVALID, IMAGE_TOO_LARGE, DISK_FULL */
  importImage(upload: Upload, emit: Emit, signal: AbortSignal): Promise<ImageRecord>;
  /** @throws as `importImage`, DISK_UNREADABLE */
  importDisk(upload: Upload, emit: Emit, signal: AbortSignal): Promise<ImageRecord>;
  /** @throws as `importImage`, IMAGE_CHOICE */
  importArchive(upload: ArchiveUpload, emit: Emit, signal: AbortSignal): Promise<ImageRecord[]>;
  /** From its registry, or from a catalog by its short name. @throws what the registry or the catalog throws, DISK_FULL */
  pullImage(request: PullRequest, emit: Emit, signal: AbortSignal): Promise<ImageRecord>;
  exportImage(name: string, signal: AbortSignal, use: UseTar): Promise<void>;
  exportRootfs(name: string, part: ImagePart, signal: AbortSignal, use: UseTar): Promise<void>;
  catalog(signal: AbortSignal): Promise<CatalogView>;
  /** @throws as `findImage` */
  tagImage(name: string, to: string): Promise<ImageView>;
  pruneImages(request: PruneRequest): Promise<Pruned>;
  /** Removes a name; with the last one the image is deleted. @throws as `findImage`, IMAGE_IN_USE */
  deleteImage(name: string): Promise<ImageRecord>;
};

type Kernels = {
  kernels(): Promise<KernelView[]>;
  /** @throws KERNEL_NOT_FOUND, KERNEL_AMBIGUOUS */
  findKernel(name: string): KernelRecord;
  /** @param verify read all of its files @throws as `findKernel` */
  showKernel(name: string, verify: boolean): Promise<KernelView>;
  importKernel(upload: Upload, emit: Emit, signal: AbortSignal): Promise<KernelRecord>;
  /** @throws KERNEL_NOT_FOUND with how to get it, and what the catalog throws */
  pullKernel(name: string, emit: Emit, signal: AbortSignal): Promise<KernelRecord>;
  /** @throws as `findKernel` */
  exportKernel(name: string, signal: AbortSignal, use: UseTar): Promise<void>;
  /** @throws as `findKernel`, KERNEL_IN_USE */
  deleteKernel(name: string): Promise<KernelRecord>;
};

type DaemonSide = {
  /** Reconciles the database with the VMs that run. Run once, before anything is served. Never rejects for what it finds. */
  reconcile(): Promise<void>;
  /** Resolves when nothing is under way in the background. */
  idle(): Promise<void>;
  /** Ends the warm VM, for good; run before `release`. */
  retire(): Promise<void>;
  /** Detaches from every VM; they keep running. */
  release(): void;
  /** What could not be removed since this daemon began. */
  leftovers(): Leftover[];
  /** pids of every VMM and network process: none of their children may talk to the daemon */
  vmProcesses(): number[];
};

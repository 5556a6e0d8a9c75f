/** What lifecycle policy needs from the world: no file, process or socket is touched here but through this record. */
import type { Lookup } from "../artifacts/catalog/catalogs.ts";
import type { LoadedCatalog } from "../artifacts/catalog/load.ts";
import type { Known as KnownContents } from "../artifacts/strays.ts";
import type { ByteStream } from "../base/bytes.ts";
import type { Digest, ImageName, VmId } from "../base/names.ts";
import type { Reference } from "../base/reference.ts";
import type { Clock } from "../host/clock.ts";
import type { Logger } from "../host/log.ts";
import type { TreeSource } from "../images/import.ts";
import type { ImagePart } from "../images/rootfs/export.ts";
import type { SavedMachine } from "../images/save.ts";
import type { ImageRecord, KernelRecord } from "../model/artifact.ts";
import type { BundleRef, CatalogEntry, CatalogKind } from "../model/catalog.ts";
import type { Credential } from "../model/credential.ts";
import type { Emit } from "../model/event.ts";
import type { NetworkRequest, NetworkSpec } from "../model/network.ts";
import type { Paths, VmPaths } from "../model/paths.ts";
import type { ProcessRef } from "../model/vm.ts";
import type { GuestNetwork, SshHostKey } from "../store/identities.ts";
import type { Store } from "../store/store.ts";
import type { NetDevice, Save, VmmDriver } from "../vmm/driver.ts";
import type { AgentClient } from "../wire/agent/types.ts";

export type PreparedNetwork = {
  device: NetDevice;
  identity: GuestNetwork;
  process: ProcessRef | null;
  /** worth a warning line: which fallback, and why */
  note?: string;
};

export type MachineNetwork = {
  /**
   * What a user network will be, as far as can be told before: a save's VM must have the same again. @param deny as in the VM's spec
   * @throws NETWORK_FAILED when there can be none
   */
  kind(deny: readonly string[]): Promise<NetDevice["kind"]>;
  /** Makes the host's side of one VM's user network; a failure leaves no process behind. @throws NETWORK_FAILED */
  prepare(paths: VmPaths, deny: readonly string[]): Promise<PreparedNetwork>;
  /** Ends it and removes what it left; fine when it is gone already. */
  stop(process: ProcessRef, paths: VmPaths): Promise<void>;
};

export type MachineFiles = {
  ensureFolder(path: string): Promise<void>;
  /** missing is fine @throws NOT_REMOVED */
  removeTree(path: string): Promise<void>;
  /** names, empty when there is no such folder; those that are not UTF-8 as base/path-bytes.ts has them */
  listFolder(path: string): Promise<string[]>;
  /** what may still be written on the file system of a folder */
  freeBytes(path: string): Promise<number>;
  /** where the file system of a path is mounted */
  mountPoint(path: string): Promise<string>;
  /** Whether so many bytes can be written to a folder: they are, and removed again. A quota counts too. */
  hasRoom(folder: string, bytes: number): Promise<boolean>;
  /** allocated bytes of everything below `path`, 0 when it is missing */
  usedBytes(path: string): Promise<number>;
  /** the last `maxBytes` of a file as text, empty when it is missing */
  tail(path: string, maxBytes: number): Promise<string>;
  /** within one file system; what was at `to` is replaced */
  rename(from: string, to: string): Promise<void>;
  /** These files and their folders survive the host's crash when it resolves. */
  makeDurable(paths: readonly string[]): Promise<void>;
  /** See `changeStamp` in host/files.ts; null for a file that is missing. */
  changeStamps(paths: readonly string[]): Promise<(string | null)[]>;
  /** See `contentStamp` in host/files.ts; null for a file that is missing. */
  contentStamps(paths: readonly string[]): Promise<(string | null)[]>;
};

export type Upload = {
  name: string;
  source: string;
  tar: AsyncIterable<Uint8Array>;
  /** of an image: the kernel that its VMs boot */
  kernel?: string;
  /** of an image: it is kept on disk meanwhile, so that it can be read twice */
  keeps?: boolean;
};

/** `docker save`'s, or an OCI layout. */
export type ArchiveUpload = {
  tar: AsyncIterable<Uint8Array>;
  source: string;
  /** the one of its images that is meant: a name, a tag or a digest; absent or null: all */
  image?: string | null;
  /** what the one image in it is to be called; null: as it calls itself */
  name: ImageName | null;
  /** for an image without a name of its own */
  fallback: ImageName | null;
};

export type PullRequest = {
  name: string;
  credential: Credential | null;
  /** plain http is all right */
  insecure: boolean;
};

export type CatalogLookup = Lookup;

export type MachineArtifacts = {
  /** @throws IMAGE_DAMAGED */
  checkImage(image: ImageRecord): Promise<void>;
  /** @throws KERNEL_DAMAGED and what file checks throw */
  checkKernel(kernel: KernelRecord): Promise<void>;
  /** As `checkImage`, with all that is in its files, once for each state of them. @param again read them anyway */
  verifyImage(image: ImageRecord, again?: boolean): Promise<void>;
  /** As `checkKernel`, in the same way. */
  verifyKernel(kernel: KernelRecord, again?: boolean): Promise<void>;
  /** path of the initramfs for that kernel and the present agent, made if absent */
  initramfs(kernel: KernelRecord): Promise<string>;
  importImage(upload: Upload, emit: Emit, signal: AbortSignal): Promise<ImageRecord>;
  /** Puts a disk down as a file below `paths.partial`, which is the caller's to remove. */
  receiveDisk(upload: Upload, emit: Emit, signal: AbortSignal): Promise<string>;
  /** A file system that was read as a whole. */
  importTree(tree: TreeSource, emit: Emit, signal: AbortSignal): Promise<ImageRecord>;
  importArchive(upload: ArchiveUpload, emit: Emit, signal: AbortSignal): Promise<ImageRecord[]>;
  /** @returns the record, and the digests that the registry knows it by */
  pullImage(
    request: PullRequest & { reference: Reference },
    emit: Emit,
    signal: AbortSignal,
  ): Promise<{ record: ImageRecord; origins: Digest[] }>;
  /** What catalogs know under that name. */
  findInCatalogs(kind: CatalogKind, name: string, signal: AbortSignal): Promise<CatalogLookup>;
  lookAtCatalogs(signal: AbortSignal): Promise<{ entries: CatalogEntry[]; catalogs: LoadedCatalog[] }>;
  /** names of what catalogs have, as far as they were looked at already */
  catalogNames(kind: CatalogKind): readonly string[];
  pullImageBundle(entry: CatalogEntry, ref: BundleRef, emit: Emit, signal: AbortSignal): Promise<ImageRecord>;
  pullKernelBundle(entry: CatalogEntry, ref: BundleRef, emit: Emit, signal: AbortSignal): Promise<KernelRecord>;
  /** A part of the image as one plain tar stream; see images/rootfs/export.ts. */
  exportRootfs(image: ImageRecord, part: ImagePart, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** The kernel as the tar stream of a package. */
  exportKernel(kernel: KernelRecord, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** The image as an OCI layout in a tar stream. */
  exportImage(image: ImageRecord, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** A VM's image with what the VM changed; see images/save.ts. */
  saveImage(saved: SavedMachine, emit: Emit, signal: AbortSignal): Promise<ImageRecord>;
  importKernel(upload: Upload, emit: Emit, signal: AbortSignal): Promise<KernelRecord>;
  /** Removes the files of layers that no record holds any more; missing is fine. */
  removeLayers(digests: readonly Digest[]): Promise<void>;
  removeKernels(digests: readonly Digest[]): Promise<void>;
  /** Removes layers and kernels that are none of `known`, and that only this state folder's daemons can have made. */
  removeStrays(known: KnownContents): Promise<void>;
  /** Removes unfinished work; to be run while nobody works. */
  removeUnfinished(): Promise<void>;
  /**
   * Removes parts of downloads, initramfs files that are none of `kept`, and contents that are none of `known`, whoever made
   * them; with `dryRun` only counts them.
   */
  removeLeftovers(
    which: { kept: readonly string[]; known: KnownContents },
    dryRun: boolean,
  ): Promise<{ files: number; bytes: number }>;
  /** the recipe that would make an image of that name, if there is one */
  imageRecipe(name: string): string | undefined;
};

/** What a request may say about sizes; absent: config, host, constant decide. */
export type SizeRequest = { vcpu?: number; memoryMib?: number; diskBytes?: number };
export type Sizes = { vcpu: number; memoryMib: number; diskBytes: number; provenance: Record<string, string> };

/** What every guest of this host is given beside its own identity. */
export type GuestInheritance = {
  authorizedKeys: string[];
  environment: Record<string, string>;
  caCertificates: string[];
  /** what could not be handed on, and why */
  notes: string[];
};

export type MachineTimings = {
  /** boot to the agent's first answer, in `ms` */
  agentMs: number;
  /** the same of a VM that is restored: its agent ran when it was saved, so it has only to go on, in `ms` */
  restoredAgentMs: number;
  /** an agent that answered before: reconnecting, in `ms` */
  reconnectMs: number;
  /** telling a running guest the time or its name, in `ms`: it runs all the same, and `vm resume` waits for this */
  tellMs: number;
  /** a guest's programs' files to be on its disk before it is saved, in `ms`; after that it is saved as it is */
  syncMs: number;
  /** a guest's file system to grow, in `ms`: the guest writes new tables for what was added */
  growMs: number;
  /** the agent to take an order to power off, in `ms`; then the power button is pressed, within the same grace */
  powerOffMs: number;
  /** asking a guest whether it rests, in `ms`; one that does not say is left alone */
  statsMs: number;
  /** waiting for the image's services, in `ms` */
  servicesMs: number;
  /** what a guest has to power itself off, in `ms`, when the request doesn't say */
  graceMs: number;
  /** how long a VM that reads a disk may send nothing while the host waits, in `ms` */
  readerMs: number;
  /** from an agent's line that drops to the end of its VM, when that is why, in `ms` */
  endingMs: number;
  /** what a daemon that starts waits for the removal of what is left, in `ms`: the rest continues while it serves */
  sweepMs: number;
  /** what a daemon that starts waits for each VMM that lives, in `ms`: it serves then, and one that has not answered is looked after behind */
  adoptMs: number;
  /** between two attempts to adopt a VMM that lives but does not answer, in `ms` */
  adoptAgainMs: number;
  /** from a VM's start to making one that is held ready, in `ms` */
  spareAfterMs: number;
  /** from a VM's end to that, in `ms` */
  spareAfterEndMs: number;
  /** how long a restore may keep the next one waiting, in `ms` */
  restoreTurnMs: number;
  /** how long a VM that nobody takes is held ready, in `ms` */
  spareMs: number;
  /** what a VM that is held ready has to rehearse, in `ms`: under emulation it takes some 200, an image's own `true` for ever */
  rehearsalMs: number;
  /** between two looks for free space while a VM is stopped for want of it, in `ms` */
  roomMs: { first: number; last: number };
  /** how long an ephemeral VM may be without a lease after the daemon's restart, in `ms` */
  leaseGraceMs: number;
};

export const defaultTimings: MachineTimings = {
  agentMs: 180_000,
  restoredAgentMs: 60_000,
  reconnectMs: 20_000,
  tellMs: 5_000,
  syncMs: 20_000,
  growMs: 30_000,
  powerOffMs: 5_000,
  statsMs: 10_000,
  servicesMs: 60_000,
  graceMs: 30_000,
  readerMs: 120_000,
  endingMs: 1_000,
  sweepMs: 5_000,
  adoptMs: 5_000,
  adoptAgainMs: 5_000,
  leaseGraceMs: 5_000,
  roomMs: { first: 1_000, last: 30_000 },
  spareAfterMs: 3_000,
  spareAfterEndMs: 150,
  restoreTurnMs: 2_000,
  spareMs: 600_000,
  rehearsalMs: 3_000,
};

export type MachinesDeps = {
  store: Store;
  driver: VmmDriver;
  network: MachineNetwork;
  /** whether a failure means that a file system is full */
  isDiskFull(error: unknown): boolean;
  /** Makes the empty data disk of a new VM; one that is there is replaced. */
  createDisk(path: string, bytes: number): Promise<void>;
  /**
   * Puts a copy of a disk (or of a save's file) to `to`, in place of what is there, whole or not at all; holes stay holes, and
   * blocks are shared where the file system can.
   * @param bytes what it is at least long: a larger disk's guest grows its file system
   * @param onPlainCopy called where blocks can't be shared, with what has to be copied
   */
  copySparse(from: string, to: string, bytes: number, onPlainCopy?: (bytes: number) => void): Promise<void>;
  files: MachineFiles;
  /** Takes the room that lets things be removed from a full disk, if it was given up and there is enough. */
  refillReserve(): Promise<void>;
  /** False for a save whose memory was written to since it was made; see vmm/save-files.ts. */
  isUntouched(save: Save): Promise<boolean>;
  /** Ends every process that has a path below `directory` among its arguments: what a dead daemon started and had not noted. */
  endStrays(directory: string): Promise<void>;
  connectAgent(
    stream: ByteStream,
    options: { resync: boolean; timeoutMs: number /** of the VM, for messages */; name: string },
  ): Promise<AgentClient>;
  /** the processes that hold ephemeral VMs */
  holders: {
    /** null when there is no such process any more */
    refOf(pid: number): ProcessRef | null;
    /** Resolves when it has ended. */
    ended(process: ProcessRef): Promise<void>;
  };
  artifacts: MachineArtifacts;
  sizes(request: SizeRequest): Promise<Sizes>;
  /** What a new VM needs beside its VMM: memory in bytes (0: the kernel does not say), and the path of mkfs.ext4. */
  hostNeeds(): Promise<{ availableMemory: number; mkfs: string | null }>;
  /** What a new VM's network is, of what was asked for and the config. */
  networkSpec(request: NetworkRequest): Promise<NetworkSpec>;
  inheritance(): Promise<GuestInheritance>;
  makeHostKey(): SshHostKey | Promise<SshHostKey>;
  randomBytes(count: number): Uint8Array;
  randomId(): VmId;
  /** Calls `run` once after `ms`; the answer cancels it. */
  after(ms: number, run: () => void): () => void;
  paths: Paths;
  clock: Clock;
  log: Logger;
  timings: MachineTimings;
  /** how many VMs may be restored at a time */
  restoresAtOnce: number;
  /** what the host's CPU is, for saves of guests that see it */
  hostCpu: string;
  /** how long a VM may be without use before it is suspended, in `ms`, when it doesn't say itself; 0: for ever */
  idleLimit(): Promise<number>;
  /** whether a VM may be held ready: it is wanted, and there is memory for it */
  mayHoldSpare(): Promise<boolean>;
  /** what templates may take of the disk together, in bytes; 0: there are none */
  templateLimit(): Promise<number>;
  /** `required`: nothing starts whose cage has a gap */
  confinement(): Promise<"auto" | "required">;
};

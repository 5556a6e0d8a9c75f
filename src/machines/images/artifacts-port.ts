/** What lifecycle policy needs from the code that makes, reads and removes images and kernels. */
import type { Lookup } from "../../artifacts/catalog/catalogs.ts";
import type { LoadedCatalog } from "../../artifacts/catalog/load.ts";
import type { Known as KnownContents } from "../../artifacts/strays.ts";
import type { Digest, ImageName } from "../../base/names.ts";
import type { Reference } from "../../base/reference.ts";
import type { TreeSource } from "../../images/import.ts";
import type { SavedMachine } from "../../images/save.ts";
import type { ImagePart, ImageRecord, KernelRecord } from "../../model/artifact.ts";
import type { BundleRef, CatalogEntry, CatalogKind } from "../../model/catalog.ts";
import type { Credential } from "../../model/credential.ts";
import type { Emit } from "../../model/event.ts";

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
  /** plain http is allowed */
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
  ): Promise<{ record: ImageRecord; sourceDigests: Digest[] }>;
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
  /** Removes unfinished work; only while no work is under way. */
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

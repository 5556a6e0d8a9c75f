/** `vm save`: what a VM wrote becomes one more layer above its image's. */
import { fail, isError } from "../../base/errors/error.ts";
import { parseImageName } from "../../base/names.ts";
import { localCertificateFolder } from "../../images/per-vm-files.ts";
import { changedConfig, imageDigest } from "../../images/record.ts";
import type { SavedMachine } from "../../images/save.ts";
import type { ConfigChange, ImageConfig, ImageRecord } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import type { VmRecord } from "../../model/vm.ts";
import { withReader } from "../guest/reader.ts";
import { prepareArtifacts, type ReadyArtifacts } from "./artifacts.ts";
import type { ImagesContext } from "./context.ts";
import { nameImage } from "./name-image.ts";
import { whileImporting } from "./unused.ts";

export type SaveRequest = {
  /** name of the new image; an image that has it loses it */
  image: string;
  /** what differs from the configuration of the VM's image */
  config?: ConfigChange;
  /** the source to show; absent: the VM */
  source?: string;
  /** also what `file_sync` has copied into the VM */
  withSyncedFiles?: boolean;
};

type Wanted = Pick<SavedMachine, "name" | "source" | "base" | "config" | "synced">;

/** The caller holds the VM's operation, and it does not run. @throws IMAGE_NAME_INVALID, DISK_UNREADABLE, DISK_FULL */
export async function saveVm(
  ctx: ImagesContext,
  vm: VmRecord,
  request: SaveRequest,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  return whileImporting(ctx, async () => {
    const artifacts = await prepareArtifacts(ctx, vm.spec);
    const { image } = artifacts;
    const config = configOf(image, request);
    const source = request.source ?? `vm ${vm.name}`;
    const synced = request.withSyncedFiles ? [] : vm.syncedPaths;
    const wanted = { name: parseImageName(request.image), source, base: image, config, synced };
    const made = vm.generation === 0 ? unchanged(wanted) : await readVm(ctx, vm, { artifacts, wanted }, emit, signal);
    const record = { ...made, kernel: kernelOf(ctx, vm, image) };
    nameImage(ctx, record, emit);
    noteSynced(vm, request, emit);
    return record;
  });
}

function noteSynced({ syncedPaths }: VmRecord, { image, withSyncedFiles }: SaveRequest, emit: Emit): void {
  if (syncedPaths.length === 0) return;
  const paths = syncedPaths.join(", ");
  const text = withSyncedFiles
    ? `image "${image}" has what file_sync copied into the VM: who gets the image gets ${paths}`
    : `left out, as file_sync copied it into the VM: ${paths}`;
  emit({ kind: "note", level: withSyncedFiles ? "warn" : "info", text });
}

/** Of a VM that never ran: nothing is on its disk. */
function unchanged({ name, source, base, config }: Wanted): ImageRecord {
  const digest = config === base.config ? base.digest : imageDigest({ ...base, config });
  return { ...base, name, source, config, digest };
}

const maxConfigText = 64 * 1024;

function configOf({ config: base }: ImageRecord, { config: change }: SaveRequest): ImageConfig {
  if (!change) return base;
  const config = changedConfig(base, change);
  if (JSON.stringify(config).length <= maxConfigText) return config;
  throw fail("REQUEST_INVALID", { problems: ["config: with the image's own it is over 64 KiB"] });
}

async function readVm(
  ctx: ImagesContext,
  vm: VmRecord,
  { artifacts: { image, kernel, initramfs }, wanted }: { artifacts: ReadyArtifacts; wanted: Wanted },
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  emit({ kind: "progress", step: "save", text: `reading the disk of ${vm.name}` });
  // writable: the kernel first finishes what a VM that was cut off left in its journal
  const disk = { path: ctx.paths.vm(vm.id).disk, readOnly: false };
  const plan = { name: vm.name, kernel, initramfs, disk, layers: image.layers };
  const certificates = ctx.store.identities.certificates(vm.id) ?? (await ctx.inheritance()).caCertificates;
  return withReader(ctx, plan, signal, (read) => {
    const saved = {
      ...wanted,
      certificates,
      localCertificates: () => ifThere(read({ path: `/merged/${localCertificateFolder}` })),
      changes: () => read({ path: "/data/upper", merged: "/merged" }),
      direct: () => read({ path: "/data/direct", whole: true }),
    };
    return ctx.artifacts.saveImage(saved, emit, signal);
  });
}

/** Nothing, where the guest has no such folder. */
async function* ifThere(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* tar;
  } catch (error) {
    if (!isError(error, "AGENT_REFUSED")) throw error;
  }
}

/** A kernel goes with an image's name, and one content may have several. */
function kernelOf(ctx: ImagesContext, vm: VmRecord, image: ImageRecord): ImageRecord["kernel"] {
  const named = ctx.store.images.byName(vm.spec.image.name);
  return named?.digest === image.digest ? named.kernel : image.kernel;
}

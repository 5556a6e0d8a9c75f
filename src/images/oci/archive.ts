/**
 * Imports images from one tar stream: the output of `docker save`, or an OCI image layout (OCI image specification,
 * "Image Layout"; Moby image specification 1.2, "Combined Image JSON + Filesystem Changeset Format").
 */
import * as z from "zod/mini";
import { decompressed } from "../../artifacts/decompress.ts";
import { fail } from "../../base/errors/error.ts";
import type { ImageName } from "../../base/names.ts";
import { stripControl } from "../../base/text.ts";
import { TarError } from "../../formats/tar/header.ts";
import { ensureFolder, isDiskFull, removeTree, tempPath } from "../../host/files/files.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import { type ImageDeps, storingImage } from "../deps.ts";
import { refusing } from "../refusal.ts";
import { blobName } from "./blob-name.ts";
import { type Listed, namesFor, selectImages, type Wanted } from "./choose.ts";
import {
  type Candidate,
  type Descriptor,
  ManifestError,
  parseArchiveIndex,
  parseDocument,
  parseImage,
} from "./manifest.ts";
import { NotAnImage, Unusable } from "./not-an-image.ts";
import { Spool, type SpooledFile } from "./spool.ts";
import { storeOciImage } from "./store.ts";

export type ArchiveUpload = Wanted & { tar: AsyncIterable<Uint8Array>; source: string };

/** One image of an archive: its config, and its layers as files of the spool. */
type Found = Listed & { config: Uint8Array; layers: Descriptor[]; files: SpooledFile[] };

const maxImages = 100;
const nameless = "an image without a name" as ImageName;

/**
 * @returns a record for each name, which the caller stores
 * @throws IMAGE_INVALID, IMAGE_UNNAMED, IMAGE_CHOICE, IMAGE_NAME_INVALID, DISK_FULL and what storing throws; nothing is
 * left behind
 */
export async function importArchive(
  deps: ImageDeps,
  upload: ArchiveUpload,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord[]> {
  const shown = upload.name ?? upload.fallback ?? upload.source;
  const budget = await deps.budget();
  const folder = tempPath(deps.paths.partial, "archive");
  await ensureFolder(folder);
  try {
    const images = await refusing(shown, budget, async () => {
      const spool = new Spool(folder, budget.bytes);
      const onProgress = (done: number) => emit({ kind: "progress", step: "read", text: "reading the archive", done });
      await spool.fill(decompressed(upload.tar), every(onProgress)).catch((error: unknown) => {
        // a root file system can exceed an archive's limits
        throw error instanceof TarError && spool.holdsRoot ? notAnArchive(spool) : error;
      });
      return findImages(spool, (text) => emit({ kind: "note", level: "warn", text }));
    });
    const selected = selectImages(images, upload);
    const named = selected.map((image) => ({ image, names: namesFor(image, upload, selected.length) }));
    const records: ImageRecord[] = [];
    for (const { image, names } of named)
      records.push(...(await store(deps, image, names, { source: upload.source, from: folder }, emit, signal)));
    return records;
  } catch (error) {
    signal.throwIfAborted();
    throw isDiskFull(error) ? fail("DISK_FULL", { path: folder, during: storingImage }, error) : error;
  } finally {
    await removeTree(folder);
  }
}

async function store(
  deps: ImageDeps,
  { config, layers, files }: Found,
  names: readonly ImageName[],
  place: { source: string; from: string },
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord[]> {
  // one of several images may have no name: it gets its digest as name
  const name = names[0] ?? nameless;
  emit({ kind: "progress", step: "pack", text: `storing ${name}` });
  const blob = async (layer: Descriptor) => (files[layers.indexOf(layer)] as SpooledFile).path;
  const image = await refusing(name, await deps.budget(), async () => parseImage(config));
  const record = await storeOciImage(deps, { name, ...place, ...image, layers, blob }, emit, signal);
  return (names.length > 0 ? names : [record.digest as string as ImageName]).map((one) => ({ ...record, name: one }));
}

type Warn = (text: string) => void;

async function findImages(spool: Spool, warn: Warn): Promise<Found[]> {
  const index = await spool.document("index.json");
  const saved = await spool.document("manifest.json");
  // layouts written by docker have both, and only manifest.json has the names
  const entries = saved ? savedEntries(spool, saved) : index ? layoutEntries(spool, index) : null;
  if (!entries) throw notAnArchive(spool);
  const found = await usable(entries, warn);
  if (found.length === 0) throw new ManifestError("it lists no images");
  if (found.length > maxImages) throw new ManifestError(`it contains more than ${maxImages} images`);
  return found;
}

/** Distinguishes root file systems from other tars, as `docker export` is often confused with `docker save`. */
function notAnArchive(spool: Spool): ManifestError {
  if (!spool.holdsRoot) {
    const next = "write an image archive with `docker save NAME` or `skopeo copy docker://NAME oci-archive:FILE`";
    return new ManifestError("it contains neither index.json nor manifest.json: it is not an image archive", next);
  }
  const next = "make an image of it: `banger image register NAME --rootfs FILE`";
  return new ManifestError("it is a root file system, not an image archive", next);
}

const savedEntry = z.object({
  Config: z.string().check(z.maxLength(4096)),
  RepoTags: z.optional(z.nullable(z.array(z.string().check(z.maxLength(512))).check(z.maxLength(1000)))),
  Layers: z.array(z.string().check(z.maxLength(4096))).check(z.maxLength(500)),
});
type SavedEntry = z.infer<typeof savedEntry>;
const savedSchema = z.array(savedEntry);

/** A candidate image. `find` throws NotAnImage if it is something else. */
type Entry = { shown: string; find(): Promise<Found> };

/** Skips signatures, SBOMs, attestations and images for other platforms, unless there is nothing else. */
async function usable(entries: readonly Entry[], warn: Warn): Promise<Found[]> {
  const images: Found[] = [];
  const refused: { shown: string; error: NotAnImage }[] = [];
  for (const { shown, find } of entries) {
    try {
      images.push(await find());
    } catch (error) {
      if (!(error instanceof NotAnImage)) throw error;
      refused.push({ shown, error });
    }
  }
  if (images.length === 0 && refused[0]) throw refused[0].error;
  for (const { shown, error } of refused) if (error instanceof Unusable) warn(`${shown} is skipped: ${error.problem}`);
  return images;
}

function savedEntries(spool: Spool, manifest: Uint8Array): Entry[] {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(manifest));
  } catch {
    throw new ManifestError("its manifest.json is not JSON");
  }
  const parsed = savedSchema.safeParse(json);
  if (!parsed.success) throw new ManifestError("its manifest.json is not what `docker save` writes");
  return parsed.data.slice(0, maxImages + 1).map((entry) => ({
    shown: entry.RepoTags?.[0] ?? entry.Config,
    find: () => savedImage(spool, entry),
  }));
}

async function savedImage(spool: Spool, { Config, RepoTags, Layers }: SavedEntry): Promise<Found> {
  const config = await spool.document(Config);
  if (!config) throw missing(Config);
  parseImage(config);
  const files = Layers.map((name) => spool.find(name) ?? throwError(missing(name)));
  const layers = files.map(({ digest, size }): Descriptor => ({ digest, size, mediaType: "" }));
  const { digest } = spool.find(Config) as SpooledFile;
  return { names: RepoTags ?? [], digests: [digest], config, layers, files };
}

function layoutEntries(spool: Spool, index: Uint8Array): Entry[] {
  return parseArchiveIndex(index).map((entry) => {
    if ("refused" in entry) return { shown: "", find: () => Promise.reject(entry.refused) };
    const { descriptor, name } = entry;
    const find = async () => ({ ...(await layoutImage(spool, descriptor)), names: name === null ? [] : [name] });
    return { shown: name ?? descriptor.digest, find };
  });
}

async function layoutImage(spool: Spool, descriptor: Descriptor, depth = 0): Promise<Omit<Found, "names">> {
  const document = parseDocument(await blobDocument(spool, descriptor), descriptor.mediaType);
  if (document.kind === "index") return inIndex(spool, document.manifests, depth + 1);
  const { config, layers } = document.manifest;
  const files = layers.map((layer) => blobFile(spool, layer));
  const content = await blobDocument(spool, config);
  parseImage(content);
  return { digests: [descriptor.digest, config.digest], config: content, layers, files };
}

async function inIndex(spool: Spool, manifests: readonly Candidate[], depth: number): Promise<Omit<Found, "names">> {
  if (depth > 3) throw new ManifestError("its indexes are nested too deeply");
  let refused: NotAnImage | null = null;
  for (const candidate of manifests) {
    try {
      return await layoutImage(spool, candidate, depth);
    } catch (error) {
      if (!(error instanceof NotAnImage)) throw error;
      refused ??= error;
    }
  }
  throw refused ?? new NotAnImage("its index is empty");
}

async function blobDocument(spool: Spool, descriptor: Descriptor): Promise<Uint8Array> {
  blobFile(spool, descriptor);
  return (await spool.document(blobName(descriptor.digest))) ?? throwError(missing(blobName(descriptor.digest)));
}

/** The blob, if its digest and size match. */
function blobFile(spool: Spool, { digest, size }: Descriptor): SpooledFile {
  const name = blobName(digest);
  const file = spool.find(name) ?? throwError(missing(name));
  if (file.digest !== digest) throw new ManifestError(`its ${name} has the digest ${file.digest}`);
  if (file.size !== size) throw new ManifestError(`its ${name} has ${file.size} bytes instead of ${size}`);
  return file;
}

function missing(name: string): Unusable {
  return new Unusable(`its ${JSON.stringify(stripControl(name).slice(0, 200))} is missing`);
}

function throwError(error: Error): never {
  throw error;
}

const reportBytes = 16 * 1024 * 1024;

function every(report: (bytes: number) => void): (bytes: number) => void {
  let last = 0;
  return (bytes) => {
    if (bytes - last < reportBytes) return;
    last = bytes;
    report(bytes);
  };
}

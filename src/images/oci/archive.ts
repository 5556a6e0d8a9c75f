/**
 * What `docker save` prints, and OCI image layouts, as one tar stream (OCI image specification, "Image Layout";
 * Moby image specification 1.2, "Combined Image JSON + Filesystem Changeset Format").
 */
import * as z from "zod/mini";
import { decompressed } from "../../artifacts/decompress.ts";
import { fail } from "../../base/errors/error.ts";
import { type ImageName, isDigest, isImageName } from "../../base/names.ts";
import { stripControl } from "../../base/text.ts";
import { ensureFolder, isDiskFull, removeTree, tempPath } from "../../host/files.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import { type ImageDeps, storingImage } from "../deps.ts";
import { refusing } from "../refusal.ts";
import { type Descriptor, ManifestError, parseArchiveIndex, parseDocument, parseImage } from "./manifest.ts";
import { Spool, type SpooledFile } from "./spool.ts";
import { storeOciImage } from "./store.ts";

export type ArchiveUpload = {
  tar: AsyncIterable<Uint8Array>;
  source: string;
  /** what the one image in it is to be called; null: as it calls itself */
  name: ImageName | null;
  /** for an image without a name of its own; null: that is an error */
  fallback: ImageName | null;
};

/** One image of an archive: documents are read, blobs are files of the spool. */
type Found = { names: string[]; config: Uint8Array; layers: Descriptor[]; files: SpooledFile[] };

const maxImages = 100;

/**
 * @returns a record for each name; the caller puts them into the store
 * @throws IMAGE_INVALID, IMAGE_UNNAMED, IMAGE_NAME_INVALID, DISK_FULL and what storing throws; nothing is left behind
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
      await spool.fill(decompressed(upload.tar), every(onProgress));
      return findImages(spool);
    });
    const named = images.map((image) => ({ image, names: namesOf(image, upload, images.length) }));
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
  origin: { source: string; from: string },
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord[]> {
  const [name] = names as [ImageName];
  emit({ kind: "progress", step: "pack", text: `storing ${name}` });
  const blob = async (layer: Descriptor) => (files[layers.indexOf(layer)] as SpooledFile).path;
  const image = await refusing(name, await deps.budget(), async () => parseImage(config));
  const record = await storeOciImage(deps, { name, ...origin, ...image, layers, blob }, emit, signal);
  return names.map((one) => ({ ...record, name: one }));
}

async function findImages(spool: Spool): Promise<Found[]> {
  const index = await spool.document("index.json");
  const saved = await spool.document("manifest.json");
  // a layout that docker wrote has both, and only manifest.json says what people call the images
  const found = saved ? await savedImages(spool, saved) : index ? await layoutImages(spool, index) : null;
  if (!found) throw new ManifestError("it holds neither index.json nor manifest.json: it is no image archive");
  if (found.length === 0) throw new ManifestError("it holds no image for linux/amd64");
  if (found.length > maxImages) throw new ManifestError(`it holds more than ${maxImages} images`);
  return found;
}

const savedSchema = z.array(
  z.object({
    Config: z.string().check(z.maxLength(4096)),
    RepoTags: z.optional(z.nullable(z.array(z.string().check(z.maxLength(512))).check(z.maxLength(1000)))),
    Layers: z.array(z.string().check(z.maxLength(4096))).check(z.maxLength(500)),
  }),
);

async function savedImages(spool: Spool, manifest: Uint8Array): Promise<Found[]> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(manifest));
  } catch {
    throw new ManifestError("its manifest.json is no JSON");
  }
  const parsed = savedSchema.safeParse(json);
  if (!parsed.success) throw new ManifestError("its manifest.json is not what `docker save` writes");
  const images: Found[] = [];
  for (const { Config, RepoTags, Layers } of parsed.data.slice(0, maxImages + 1)) {
    const config = await spool.document(Config);
    if (!config) throw missing(Config);
    const files = Layers.map((name) => spool.find(name) ?? raise(missing(name)));
    const layers = files.map(({ digest, size }): Descriptor => ({ digest, size, mediaType: "" }));
    images.push({ names: RepoTags ?? [], config, layers, files });
  }
  return images;
}

async function layoutImages(spool: Spool, index: Uint8Array): Promise<Found[]> {
  const images: Found[] = [];
  for (const { descriptor, name, isOurs } of parseArchiveIndex(index)) {
    if (isOurs) images.push(await layoutImage(spool, descriptor, name));
  }
  return images;
}

async function layoutImage(spool: Spool, descriptor: Descriptor, name: string | null, depth = 0): Promise<Found> {
  const document = parseDocument(await blobDocument(spool, descriptor), descriptor.mediaType);
  if (document.kind === "index") {
    if (depth >= 3) throw new ManifestError("its indexes point at each other");
    return layoutImage(spool, document.manifest, name, depth + 1);
  }
  const { config, layers } = document.manifest;
  const files = layers.map((layer) => blobFile(spool, layer));
  return { names: name === null ? [] : [name], config: await blobDocument(spool, config), layers, files };
}

async function blobDocument(spool: Spool, descriptor: Descriptor): Promise<Uint8Array> {
  blobFile(spool, descriptor);
  return (await spool.document(blobName(descriptor))) ?? raise(missing(blobName(descriptor)));
}

/** The blob, when it is what its name says. */
function blobFile(spool: Spool, { digest, size }: Descriptor): SpooledFile {
  const name = blobName({ digest });
  const file = spool.find(name) ?? raise(missing(name));
  if (file.digest !== digest) throw new ManifestError(`its ${name} has the digest ${file.digest}`);
  if (file.size !== size) throw new ManifestError(`its ${name} has ${file.size} bytes instead of ${size}`);
  return file;
}

function blobName({ digest }: Pick<Descriptor, "digest">): string {
  return `blobs/${digest.replace(":", "/")}`;
}

/** `latest` alone, as skopeo's `oci:DIR:latest` has it, is a tag and no name. */
function namesOf({ names }: Found, upload: ArchiveUpload, images: number): ImageName[] {
  if (upload.name !== null) {
    if (images > 1) throw fail("IMAGE_UNNAMED", { problem: `it holds ${images} images: they can't have one name` });
    return [upload.name];
  }
  const full = names.filter((name) => /[:/]/.test(name) && isImageName(name) && !isDigest(name)) as ImageName[];
  if (full.length > 0) return [...new Set(full)];
  const [tag] = names;
  const { fallback } = upload;
  if (fallback === null || images > 1)
    throw fail("IMAGE_UNNAMED", { problem: "it does not say what its image is called" });
  const tagged = `${fallback}:${tag}`;
  return [tag && tag !== "latest" && isImageName(tagged) ? (tagged as ImageName) : fallback];
}

function missing(name: string): ManifestError {
  return new ManifestError(`its ${JSON.stringify(stripControl(name).slice(0, 200))} is missing`);
}

function raise(error: Error): never {
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

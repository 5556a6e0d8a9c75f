/** An image from a registry: its manifest is asked for, what is not here yet is fetched and stored. */
import { createHash } from "node:crypto";
import type { BlobHold } from "../artifacts/blob-hold.ts";
import type { Downloads } from "../artifacts/download.ts";
import { DownloadProgress } from "../artifacts/progress.ts";
import { SharedJobs } from "../artifacts/shared-jobs.ts";
import type { VerifiedFiles } from "../artifacts/verified.ts";
import { BangerError, fail } from "../base/errors/error.ts";
import { Exit } from "../base/exit.ts";
import type { Digest } from "../base/names.ts";
import { formatReference, type Reference } from "../base/reference.ts";
import { Semaphore } from "../base/semaphore.ts";
import { formatSize } from "../base/units.ts";
import { readBytes } from "../host/files/files.ts";
import type { ImageRecord } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import { verifyImage } from "./check.ts";
import type { ImageDeps } from "./deps.ts";
import type { Budget } from "./layer/reading.ts";
import { type Descriptor, ManifestError, maxDocument, parseDocument, parseImage } from "./oci/manifest.ts";
import { NotAnImage } from "./oci/not-an-image.ts";
import { storeOciImage } from "./oci/store.ts";
import { refusing } from "./refusal.ts";
import type { Registry } from "./registry/client.ts";

/** What was pulled, and the digests of the documents that led to it. */
export type Pulled = { record: ImageRecord; sourceDigests: Digest[] };

export type PullDeps = ImageDeps & {
  /** the image that was made of what has that digest */
  imageFromSource(digest: Digest): ImageRecord | null;
  downloads: Downloads;
  verified: VerifiedFiles;
};

type Found = { config: Descriptor; layers: Descriptor[]; sourceDigests: Digest[] };

type Pulling = { reference: Reference; registry: Registry; found: Found; hold: BlobHold };

const downloadsAtOnce = 4;
const maxIndexes = 3;

export class Puller {
  readonly #deps: PullDeps;
  readonly #together = new SharedJobs<ImageRecord>();

  constructor(deps: PullDeps) {
    this.#deps = deps;
  }

  /** @throws what the registry's client throws, IMAGE_INVALID, IMAGE_TOO_LARGE, DISK_FULL, DOWNLOAD_DAMAGED */
  async pull(reference: Reference, registry: Registry, emit: Emit, signal: AbortSignal): Promise<Pulled> {
    const name = formatReference(reference);
    emit({ kind: "progress", step: "manifest", text: `asking ${reference.registry} for ${name}` });
    const { digest, tag } = reference;
    const first = await registry.manifest(digest === null ? { tag: tag ?? "latest" } : { digest }, signal);
    const here = await this.#known(first.digest);
    if (here) return { record: { ...here, name }, sourceDigests: [first.digest] };
    const budget = await this.#deps.budget();
    const found = await refusing(name, budget, () => findManifest(registry, first, signal));
    requireSize(name, found, budget);
    const known = await this.#known(found.sourceDigests.at(-1) as Digest);
    if (known) return { record: { ...known, name }, sourceDigests: found.sourceDigests };
    const key = `${repositoryOf(reference)} ${found.sourceDigests.at(-1)}`;
    const record = await this.#together.run(key, emit, signal, (all, shared) =>
      this.#fetchAndClear(reference, registry, found, all, shared),
    );
    return { record: { ...record, name, source: sourceOf(reference) }, sourceDigests: found.sourceDigests };
  }

  async #known(sourceDigest: Digest): Promise<ImageRecord | null> {
    const record = this.#deps.imageFromSource(sourceDigest);
    if (!record) return null;
    // one whose files are gone or damaged is pulled again
    return verifyImage(this.#deps, record, true).then(
      () => record,
      () => null,
    );
  }

  /** What was fetched stays only where the line broke: for the next try. */
  async #fetchAndClear(
    reference: Reference,
    registry: Registry,
    found: Found,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<ImageRecord> {
    const hold = this.#deps.downloads.hold();
    const clear = () => hold.release([found.config, ...found.layers].map(({ digest }) => digest));
    try {
      const record = await this.#fetch({ reference, registry, found, hold }, emit, signal);
      await clear();
      return record;
    } catch (error) {
      await (isFinal(error) ? clear() : hold.release());
      throw error;
    }
  }

  async #fetch(
    { reference, registry, found: { config, layers }, hold }: Pulling,
    emit: Emit,
    signal: AbortSignal,
  ): Promise<ImageRecord> {
    const from = repositoryOf(reference);
    const name = formatReference(reference);
    const { downloads } = this.#deps;
    const progress = new DownloadProgress(name, layers, { unit: "layer", emit });
    const turns = new Semaphore(downloadsAtOnce);
    const fetch = ({ digest, size }: Descriptor, stop: AbortSignal) => {
      const wanted = { digest, size, limit: size, from, what: name };
      return hold.blob(wanted, registry.blob(digest), (done) => progress.report(digest, done), stop);
    };
    const image = await refusing(name, await this.#deps.budget(), async () => {
      if (config.size > maxDocument) throw new ManifestError("its config is too large");
      return parseImage(await readBytes(await fetch(config, signal), maxDocument));
    });
    const blob = (layer: Descriptor, stop: AbortSignal) => turns.run(stop, () => fetch(layer, stop));
    const source = sourceOf(reference);
    await downloads.requireRoom(await this.#missing(layers, image.diffIds));
    return storeOciImage(this.#deps, { name, source, from, ...image, layers, blob }, emit, signal);
  }

  /** Of which nothing is stored here yet. */
  async #missing(layers: readonly Descriptor[], diffIds: readonly Digest[]): Promise<Descriptor[]> {
    const missing: Descriptor[] = [];
    for (const [i, layer] of layers.entries()) {
      const isHere = await this.#deps.layers.has({ chain: diffIds.slice(0, i + 1), as: "layer" });
      if (!isHere) missing.push(layer);
    }
    return missing;
  }
}

/** Whoever can write there; what is elsewhere may have the same digests in it. */
function repositoryOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** As a record has it. */
function sourceOf(reference: Reference): string {
  return `registry ${formatReference(reference)}`;
}

/** Nothing of it is of use to another try, or it must make room. */
function isFinal(error: unknown): boolean {
  return error instanceof BangerError && (error.exit === Exit.Failure || error.code === "DISK_FULL");
}

/** What the manifest says is a bound from here on: nothing is fetched of an image that is too large. */
function requireSize(name: string, { config, layers }: Found, budget: Budget): void {
  const bytes = totalSize([config, ...layers]);
  if (bytes <= budget.bytes) return;
  throw fail("IMAGE_TOO_LARGE", { name, limit: formatSize(budget.bytes), download: formatSize(bytes) });
}

/** Bytes; a blob that is named twice is fetched once. */
function totalSize(blobs: readonly Descriptor[]): number {
  return [...new Map(blobs.map(({ digest, size }) => [digest, size])).values()].reduce((sum, size) => sum + size, 0);
}

type Received = Awaited<ReturnType<Registry["manifest"]>>;

/** From an index to the manifest for this architecture. @throws ManifestError */
async function findManifest(registry: Registry, received: Received, signal: AbortSignal, depth = 1): Promise<Found> {
  const document = parseDocument(received.bytes, received.mediaType);
  if (document.kind === "manifest") return { ...document.manifest, sourceDigests: [received.digest] };
  if (depth >= maxIndexes) throw new ManifestError("its indexes point at each other");
  const { manifests } = document;
  let refused: NotAnImage | null = null;
  for (const candidate of manifests) {
    try {
      const found = await findManifest(registry, await listed(registry, candidate, signal), signal, depth + 1);
      // of one alone it is looked at when it is fetched
      if (candidate.isOurs === null && manifests.length > 1) await requireOurs(registry, found.config, signal);
      return { ...found, sourceDigests: [received.digest, ...found.sourceDigests] };
    } catch (error) {
      if (!(error instanceof NotAnImage)) throw error;
      refused ??= error;
    }
  }
  throw refused ?? new NotAnImage("its index is empty");
}

async function listed(registry: Registry, { digest, size }: Descriptor, signal: AbortSignal): Promise<Received> {
  const received = await registry.manifest({ digest }, signal);
  if (received.bytes.length === size) return received;
  throw new ManifestError(`its manifest has ${received.bytes.length} bytes, its index says ${size}`);
}

/** Where no index says what an image is for, its config does. @throws NotAnImage */
async function requireOurs(registry: Registry, { digest, size }: Descriptor, signal: AbortSignal): Promise<void> {
  if (size > maxDocument) throw new ManifestError("its config is too large");
  const { body } = await registry.blob(digest)(0, signal);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > size) break;
    chunks.push(chunk.slice());
  }
  const config = Buffer.concat(chunks);
  if (bytes !== size || `sha256:${createHash("sha256").update(config).digest("hex")}` !== digest) {
    throw new ManifestError("its config is not what its manifest says");
  }
  parseImage(config);
}

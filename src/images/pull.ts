/** Pulls an image from a registry: fetches its manifest, then downloads and stores what is missing. */
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

/** The pulled image, and the digests of the index and manifest that led to it. */
export type Pulled = { record: ImageRecord; sourceDigests: Digest[] };

export type PullDeps = ImageDeps & {
  /** the stored image that was made from the document with that digest */
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

  /** @throws what the registry client throws, IMAGE_INVALID, IMAGE_TOO_LARGE, DISK_FULL, DOWNLOAD_DAMAGED */
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
    // an image with missing or damaged files is pulled again
    return verifyImage(this.#deps, record, true).then(
      () => record,
      () => null,
    );
  }

  /** Downloads, and keeps the downloaded blobs only if the connection failed, for the next try. */
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
      await (canDiscard(error) ? clear() : hold.release());
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

  /** The layers that are not stored yet. */
  async #missing(layers: readonly Descriptor[], diffIds: readonly Digest[]): Promise<Descriptor[]> {
    const missing: Descriptor[] = [];
    for (const [i, layer] of layers.entries()) {
      const isHere = await this.#deps.layers.has({ chain: diffIds.slice(0, i + 1), as: "layer" });
      if (!isHere) missing.push(layer);
    }
    return missing;
  }
}

/** The repository that the blobs come from: others can list the same digests. */
function repositoryOf({ registry, repository }: Reference): string {
  return `${registry}/${repository}`;
}

/** The `source` of an image's record. */
function sourceOf(reference: Reference): string {
  return `registry ${formatReference(reference)}`;
}

/** The downloaded blobs are of no use to another try, or have to make room. */
function canDiscard(error: unknown): boolean {
  return error instanceof BangerError && (error.exit === Exit.Failure || error.code === "DISK_FULL");
}

/** Checks the sizes in the manifest, which limit the downloads: nothing of a too large image is fetched. */
function requireSize(name: string, { config, layers }: Found, budget: Budget): void {
  const bytes = totalSize([config, ...layers]);
  if (bytes <= budget.bytes) return;
  throw fail("IMAGE_TOO_LARGE", { name, limit: formatSize(budget.bytes), download: formatSize(bytes) });
}

/** Total bytes; a blob that is listed twice is fetched once. */
function totalSize(blobs: readonly Descriptor[]): number {
  return [...new Map(blobs.map(({ digest, size }) => [digest, size])).values()].reduce((sum, size) => sum + size, 0);
}

type Received = Awaited<ReturnType<Registry["manifest"]>>;

/** Follows indexes to the manifest for this platform. @throws ManifestError */
async function findManifest(registry: Registry, received: Received, signal: AbortSignal, depth = 1): Promise<Found> {
  const document = parseDocument(received.bytes, received.mediaType);
  if (document.kind === "manifest") return { ...document.manifest, sourceDigests: [received.digest] };
  if (depth >= maxIndexes) throw new ManifestError("its indexes are nested too deeply");
  const { manifests } = document;
  let refused: NotAnImage | null = null;
  for (const candidate of manifests) {
    try {
      const found = await findManifest(registry, await listed(registry, candidate, signal), signal, depth + 1);
      // a single candidate is checked when its config is fetched
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

/** If no index gives the platform, the image's config has to match. @throws NotAnImage */
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
    throw new ManifestError("its config does not match the digest and size in its manifest");
  }
  parseImage(config);
}

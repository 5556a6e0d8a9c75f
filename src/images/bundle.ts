/** Image bundles: their manifest, and how a published one becomes an image on this host. */
import * as z from "zod/mini";
import { bundleKey, type FetchDeps, type OpenBundle, withBundle } from "../artifacts/bundle/fetch.ts";
import {
  BundleError,
  type BundleFile,
  common,
  fileOf,
  fileSchema,
  parseManifest,
} from "../artifacts/bundle/manifest.ts";
import { unpackedFile } from "../artifacts/bundle/unpacked.ts";
import { SharedJobs } from "../artifacts/shared-jobs.ts";
import { fail } from "../base/errors/error.ts";
import { formatSize } from "../base/units.ts";
import type { ImageConfig, ImageRecord, LayerRef } from "../model/artifact.ts";
import type { BundleRef, CatalogEntry } from "../model/catalog.ts";
import type { Emit } from "../model/event.ts";
import { assembleImage } from "./assemble.ts";
import { configProblem } from "./config.ts";
import { type ImageDeps, storingImage } from "./deps.ts";
import type { Budget } from "./layer/reading.ts";
import type { UnchangedSource } from "./layers.ts";
import { refusing } from "./refusal.ts";

const texts = z.array(z.string()).check(z.maxLength(4096));
const schema = z.strictObject({
  ...common,
  kind: z.literal("image", "is not an image"),
  config: z.strictObject({
    env: z.record(z.string().check(z.regex(/^[^\s=]+$/, "is not a variable name")), z.string()),
    entrypoint: texts,
    cmd: texts,
    workdir: z.string().check(z.regex(/^(?:\/.*)?$/, "is not an absolute path")),
    user: z.string(),
  }),
  rootfs: fileSchema,
  direct: z.optional(fileSchema),
});

export type ImageManifest = {
  config: ImageConfig;
  rootfs: BundleFile /** `ImageRecord.direct` */;
  direct: BundleFile | null;
};

/** @throws BundleError */
export function parseImageManifest(bytes: Uint8Array): ImageManifest {
  const { config, rootfs, direct } = parseManifest(bytes, schema);
  const problem = configProblem(config);
  if (problem !== null) throw new BundleError(problem);
  return { config, rootfs: fileOf(rootfs), direct: direct ? fileOf(direct) : null };
}

export type BundleDeps = ImageDeps & FetchDeps;

export class ImageBundles {
  readonly #deps: BundleDeps;
  readonly #together = new SharedJobs<ImageRecord>();

  constructor(deps: BundleDeps) {
    this.#deps = deps;
  }

  /**
   * @returns the record, which the caller stores
   * @throws BUNDLE_INVALID, DOWNLOAD_FAILED, DOWNLOAD_DAMAGED, IMAGE_INVALID, IMAGE_TOO_LARGE, DISK_FULL
   */
  async pull(entry: CatalogEntry, ref: BundleRef, emit: Emit, signal: AbortSignal): Promise<ImageRecord> {
    const { name, kernel } = entry;
    const record = await this.#together.run(bundleKey(entry, ref), emit, signal, (all, shared) =>
      this.#fetch(entry, ref, all, shared),
    );
    return { ...record, name, kernel };
  }

  async #fetch(entry: CatalogEntry, ref: BundleRef, emit: Emit, signal: AbortSignal): Promise<ImageRecord> {
    const { name, catalog } = entry;
    const from = bundleKey(entry, ref);
    const budget = await this.#deps.budget();
    const filesOf = ({ rootfs, direct }: ImageManifest) => (direct ? [rootfs, direct] : [rootfs]);
    const checkSize = (files: readonly BundleFile[]) => requireBundleSize(name, files, budget);
    const wanted = { name, ref, catalog, parse: parseImageManifest, filesOf, checkSize };
    return withBundle(this.#deps, wanted, emit, signal, async (bundle) => {
      const { config, rootfs, direct } = bundle.manifest;
      const layer = (file: BundleFile, isFlat: boolean) =>
        storeLayer(this.#deps, bundle, { name, from, file, isFlat, budget }, emit, signal);
      return refusing(name, { ...budget }, async () => {
        const layers = [await layer(rootfs, false)];
        const parts = { name, source: `catalog ${catalog ?? "built in"}`, layers, config };
        return assembleImage(this.#deps, { ...parts, direct: direct && (await layer(direct, true)) }, emit, signal);
      });
    });
  }
}

/** @throws IMAGE_TOO_LARGE */
export function requireBundleSize(name: string, files: readonly BundleFile[], { bytes }: Budget): void {
  const limit = formatSize(bytes);
  const download = files.reduce((sum, file) => sum + file.size, 0);
  if (download > bytes) throw fail("IMAGE_TOO_LARGE", { name, limit, download: formatSize(download) });
  if (files.reduce((sum, file) => sum + file.tar.size, 0) > bytes) throw fail("IMAGE_TOO_LARGE", { name, limit });
}

type LayerWanted = { name: string; from: string; file: BundleFile; isFlat: boolean; budget: Budget };

/** Downloads the layer unless it is stored already. */
function storeLayer(
  { layers }: ImageDeps,
  bundle: OpenBundle<ImageManifest>,
  { name, from, file, isFlat, budget }: LayerWanted,
  emit: Emit,
  signal: AbortSignal,
): Promise<LayerRef> {
  const onProgress = (done: number) =>
    emit({ kind: "progress", step: "pack", text: `storing ${name}`, done, total: file.tar.size });
  const open = async (shared: AbortSignal): Promise<UnchangedSource> => {
    const path = await bundle.file(file, shared);
    return {
      open: () => unpackedFile(path, file),
      canReopen: true,
      lower: null,
      end: "marker",
      mustHaveFiles: !isFlat,
    };
  };
  const wanted = { chain: [file.tar.digest], as: isFlat ? "data" : "tree", from } as const;
  return layers.ensure(wanted, open, { during: storingImage, budget, onProgress, signal });
}

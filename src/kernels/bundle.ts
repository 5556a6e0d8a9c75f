/** Kernel bundles: their manifest, and how a published one becomes a kernel on this host. */
import * as z from "zod/mini";
import { bundleKey, type FetchDeps, withBundle } from "../artifacts/bundle/fetch.ts";
import {
  BundleError,
  type BundleFile,
  common,
  fileOf,
  fileSchema,
  parseManifest,
} from "../artifacts/bundle/manifest.ts";
import { unpackedFile } from "../artifacts/bundle/unpacked.ts";
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { SharedJobs } from "../artifacts/shared-jobs.ts";
import { formatSize } from "../base/units.ts";
import type { KernelRecord } from "../model/artifact.ts";
import type { BundleRef, CatalogEntry } from "../model/catalog.ts";
import type { Emit } from "../model/event.ts";
import { importKernelPackage } from "./import.ts";
import { maxPackage } from "./unpack.ts";

const schema = z.strictObject({
  ...common,
  kind: z.literal("kernel", "is not a kernel"),
  release: z.string().check(z.maxLength(64)),
  kernel: fileSchema,
});

/** @throws BundleError */
export function parseKernelManifest(bytes: Uint8Array): { kernel: BundleFile } {
  return { kernel: fileOf(parseManifest(bytes, schema).kernel) };
}

/** @throws BundleError */
export function checkSize(files: readonly BundleFile[]): void {
  for (const { file, size, tar } of files) {
    if (Math.max(size, tar.size) <= maxPackage) continue;
    throw new BundleError(
      `${file} has ${formatSize(Math.max(size, tar.size))}, the limit for a kernel is ${formatSize(maxPackage)}`,
    );
  }
}

export class KernelBundles {
  readonly #deps: ArtifactDeps & FetchDeps;
  readonly #together = new SharedJobs<KernelRecord>();

  constructor(deps: ArtifactDeps & FetchDeps) {
    this.#deps = deps;
  }

  /**
   * @returns the record, which the caller stores
   * @throws BUNDLE_INVALID, DOWNLOAD_FAILED, DOWNLOAD_DAMAGED, KERNEL_UNUSABLE, DISK_FULL
   */
  async pull(entry: CatalogEntry, ref: BundleRef, emit: Emit, signal: AbortSignal): Promise<KernelRecord> {
    const record = await this.#together.run(bundleKey(entry, ref), emit, signal, (all, shared) =>
      this.#fetch(entry, ref, all, shared),
    );
    return { ...record, name: entry.name };
  }

  #fetch({ name, catalog }: CatalogEntry, ref: BundleRef, emit: Emit, signal: AbortSignal): Promise<KernelRecord> {
    const filesOf = ({ kernel }: { kernel: BundleFile }) => [kernel];
    const wanted = { name, ref, catalog, parse: parseKernelManifest, filesOf, checkSize };
    return withBundle(this.#deps, wanted, emit, signal, async (bundle) => {
      const path = await bundle.file(bundle.manifest.kernel, signal);
      const upload = {
        name,
        source: `catalog ${catalog ?? "built in"}`,
        tar: unpackedFile(path, bundle.manifest.kernel),
      };
      return importKernelPackage(this.#deps, upload, emit, signal);
    });
  }
}

/** Downloads a bundle: the manifest, whose digest is in the catalog, then the files that the manifest lists. */
import { BangerError, fail } from "../../base/errors/error.ts";
import { Exit } from "../../base/exit.ts";
import type { Digest } from "../../base/names.ts";
import { readBytes } from "../../host/files/files.ts";
import type { BundleRef, CatalogEntry } from "../../model/catalog.ts";
import type { Emit } from "../../model/event.ts";
import type { Downloads } from "../download.ts";
import { DownloadProgress } from "../progress.ts";
import type { WebDeps } from "../web/get.ts";
import { webPart } from "../web/part.ts";
import { BundleError, type BundleFile, maxManifest } from "./manifest.ts";

export type FetchDeps = { web: WebDeps; downloads: Downloads };

/** A bundle whose manifest was read and checked. */
export type OpenBundle<M> = {
  manifest: M;
  /** The path of a complete file whose digest was checked. @throws DOWNLOAD_FAILED, DOWNLOAD_DAMAGED, DISK_FULL */
  file(file: BundleFile, signal: AbortSignal): Promise<string>;
};

export type BundleWanted<M> = {
  name: string;
  ref: BundleRef;
  /** URL of the catalog that lists it; null for the built-in one */
  catalog: string | null;
  /** @throws BundleError */
  parse(manifest: Uint8Array): M;
  filesOf(manifest: M): BundleFile[];
  /** Called before the download. @throws for files that are too large */
  checkSize(files: readonly BundleFile[]): void;
};

/** Identifies a bundle. The catalog is part of it, because another catalog can list the same digests. */
export function bundleKey({ catalog }: Pick<CatalogEntry, "catalog">, { url, digest, size }: BundleRef): string {
  return JSON.stringify([catalog, url, digest, size]);
}

/**
 * Calls `use` with the bundle. Downloaded files are kept for the next try if the work could not continue, and removed
 * once it is done or the files turn out to be unusable.
 * @throws BUNDLE_INVALID (also for a BundleError of `use`), DOWNLOAD_FAILED, DOWNLOAD_DAMAGED, DISK_FULL
 */
export async function withBundle<M, T>(
  deps: FetchDeps,
  { name, ref, catalog, parse, filesOf, checkSize }: BundleWanted<M>,
  emit: Emit,
  signal: AbortSignal,
  use: (bundle: OpenBundle<M>) => Promise<T>,
): Promise<T> {
  const { downloads, web } = deps;
  emit({ kind: "progress", step: "manifest", text: `reading the bundle of ${name}` });
  const from = bundleKey({ catalog }, ref);
  const hold = downloads.hold();
  const get = (url: string, { digest, size }: { digest: BundleRef["digest"]; size: number | null }, limit: number) => {
    const open = webPart(web, { url: `${ref.url}${url}`, namedBy: catalog }, name);
    return (onProgress: (done: number) => void, stop: AbortSignal) =>
      hold.blob({ digest, size, limit, from, what: name }, open, onProgress, stop);
  };
  const remove = (files: readonly { digest: Digest }[]) => hold.release([ref, ...files].map(({ digest }) => digest));
  let files: BundleFile[] = [];
  try {
    const path = await get("manifest.json", { digest: ref.digest, size: null }, maxManifest)(() => {}, signal);
    const manifest = await withBundleErrors(name, async () => parse(await readBytes(path, maxManifest)));
    files = filesOf(manifest);
    requireSize(name, files, ref);
    await withBundleErrors(name, async () => checkSize(files));
    await downloads.requireRoom(files);
    const progress = new DownloadProgress(name, files, { emit });
    const bundle: OpenBundle<M> = {
      manifest,
      file: (file, stop) => get(file.file, file, file.size)((done) => progress.report(file.digest, done), stop),
    };
    const found = await withBundleErrors(name, () => use(bundle));
    await remove(files);
    return found;
  } catch (error) {
    const isFinal = error instanceof BangerError && (error.exit === Exit.Failure || error.code === "DISK_FULL");
    await (isFinal ? remove(files) : hold.release());
    throw error;
  }
}

/** The user decided by the size in the catalog, so the files must have it. */
function requireSize(name: string, files: readonly BundleFile[], ref: BundleRef): void {
  const size = files.reduce((sum, file) => sum + file.size, 0);
  const problem = `it has ${size} bytes, its catalog says ${ref.size}`;
  if (size !== ref.size) throw fail("BUNDLE_INVALID", { name, problem });
}

async function withBundleErrors<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof BundleError ? fail("BUNDLE_INVALID", { name, problem: error.problem }, error) : error;
  }
}

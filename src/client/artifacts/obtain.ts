/** Obtains an image or a kernel: the daemon pulls it from a registry or a catalog, or it is made on this host and uploaded. */
import { Deferred } from "../../base/async.ts";
import { type ErrorCode, isError } from "../../base/errors/error.ts";
import { referenceOf } from "../../base/reference.ts";
import type { ImageRecord, KernelRecord } from "../../model/artifact.ts";
import type { Credential } from "../../model/credential.ts";
import type { Emit } from "../../model/event.ts";
import type { ArtifactSource, DaemonAccess, TarSource } from "../dependencies.ts";

export type ArtifactNeeds = Pick<DaemonAccess, "api"> & ArtifactSource;

export type PullWanted = { name: string; login: Credential | null; insecure: boolean };

/** Pulls an image from a registry or a catalog. If only a recipe can make it, notes so and builds it here. */
export async function obtainImage(
  needs: ArtifactNeeds,
  { name, login, insecure }: PullWanted,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const reference = referenceOf(name);
  const credential = login ?? (reference && (await needs.registryCredential(reference.registry, reference.repository)));
  const body = { insecure, ...(credential ? { credential } : {}) };
  try {
    return (await needs.api.work("pullImage", { name, body }, emit, signal)).value;
  } catch (error) {
    const recipe = recipeOf(error, "IMAGE_NOT_FOUND");
    if (recipe === null) throw error;
    return buildImage(needs, recipe, emit, signal);
  }
}

/** Pulls a kernel from a catalog. If only the distribution has it, notes so and fetches it from there. */
export async function obtainKernel(
  needs: ArtifactNeeds,
  name: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<KernelRecord> {
  try {
    return (await needs.api.work("pullKernel", { name }, emit, signal)).value;
  } catch (error) {
    const recipe = recipeOf(error, "KERNEL_NOT_FOUND");
    if (recipe === null) throw error;
    return fetchKernel(needs, recipe, emit, signal);
  }
}

/** The recipe for an artifact that is in no catalog. */
function recipeOf(error: unknown, code: ErrorCode): string | null {
  if (!isError(error, code)) return null;
  const { recipe } = error.details;
  return typeof recipe === "string" ? recipe : null;
}

/** @param recipe `debian-SUITE` */
export function buildImage(
  needs: ArtifactNeeds,
  recipe: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  emit({ kind: "note", level: "info", text: `building image ${recipe} on this host, once; it takes a minute or two` });
  return upload(
    signal,
    (either) => needs.buildImage(recipe, emit, either),
    ({ tar, source }, either) => needs.api.upload("importImage", { name: recipe, source, tar }, emit, either),
  );
}

/** @param wanted `debian-SUITE-cloud` */
function fetchKernel(needs: ArtifactNeeds, wanted: string, emit: Emit, signal: AbortSignal): Promise<KernelRecord> {
  emit({ kind: "note", level: "info", text: `fetching kernel ${wanted} from Debian, once` });
  return upload(
    signal,
    (either) => needs.fetchKernel(wanted, emit, either),
    ({ name, tar, source }, either) => needs.api.upload("importKernel", { name, source, tar }, emit, either),
  );
}

/** Uploads the output of a recipe. When this returns, the recipe has ended and cleaned up, even if the upload failed. */
async function upload<S extends TarSource, T>(
  signal: AbortSignal,
  open: (signal: AbortSignal) => Promise<S>,
  send: (source: S, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const source = await open(either);
  const reading = new Deferred<void>();
  let isRead = false;
  const tar = (async function* () {
    isRead = true;
    try {
      yield* source.tar;
    } finally {
      reading.resolve();
    }
  })();
  try {
    return await send({ ...source, tar }, either);
  } finally {
    stop.abort();
    if (isRead) await reading.promise;
  }
}

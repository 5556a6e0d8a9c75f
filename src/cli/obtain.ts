/** Doing something that needs an image and a kernel: what is missing is made on the way, once. */
import { Deferred } from "../base/async.ts";
import { BangerError, type ErrorCode, isError } from "../base/errors/error.ts";
import { referenceOf } from "../base/reference.ts";
import { defaultKernel } from "../kernels/names.ts";
import type { ImageRecord, KernelRecord } from "../model/artifact.ts";
import type { Credential } from "../model/credential.ts";
import type { Emit } from "../model/event.ts";
import type { CliContext, Source } from "./context.ts";

/** Tries; gets what is missing, from wherever it can be got; tries again. */
export async function withArtifacts<T>(
  context: CliContext,
  emit: Emit,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const made = new Set<string>();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const missing = missingOf(error);
      if (!missing || made.has(missing.kind)) throw error;
      made.add(missing.kind);
      if (missing.kind === "kernel") await obtainKernel(context, missing.name, emit, signal);
      else await obtainMissing(context, missing, emit, signal);
    }
  }
}

type Missing =
  | { kind: "image"; name: string /** takes a while, and boots the default kernel */; isLong: boolean }
  | { kind: "kernel"; name: string };

function missingOf(error: unknown): Missing | null {
  if (!(error instanceof BangerError)) return null;
  const { recipe, pull, name } = error.details;
  if (typeof name !== "string") return null;
  if (error.code === "KERNEL_NOT_FOUND") return { kind: "kernel", name };
  if (error.code !== "IMAGE_NOT_FOUND") return null;
  // a name that may be nobody's is no reason to fetch a kernel; an image of a catalog may have its own
  const isLong = typeof recipe === "string" || (typeof pull === "string" && referenceOf(pull) !== null);
  return { kind: "image", name, isLong };
}

/** A first run needs both: the kernel comes while the image is made. When one fails the other is given up. */
async function obtainMissing(
  context: CliContext,
  { name, isLong }: Missing & { kind: "image" },
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const obtain = (stop: AbortSignal) => obtainImage(context, { name, login: null, insecure: false }, emit, stop);
  if (isLong) await withKernel(context, emit, signal, obtain);
  else await obtain(signal);
}

async function withKernel(
  context: CliContext,
  emit: Emit,
  signal: AbortSignal,
  obtain: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const kernels = await context.api.json("listKernels");
  const needsKernel = !kernels.some((kernel) => kernel.name === defaultKernel);
  const other = new AbortController();
  const either = AbortSignal.any([signal, other.signal]);
  const work = [
    obtain(either),
    ...(needsKernel ? [obtainKernel(context, defaultKernel, warningsOf(emit), either)] : []),
  ];
  try {
    await Promise.all(work);
  } finally {
    other.abort();
    await Promise.allSettled(work);
  }
}

export type PullWanted = { name: string; login: Credential | null; insecure: boolean };

/** From a registry or a catalog; a name that only a recipe can make is built, and that is said. */
export async function obtainImage(
  context: CliContext,
  { name, login, insecure }: PullWanted,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const reference = referenceOf(name);
  const credential =
    login ?? (reference && (await context.registryCredential(reference.registry, reference.repository)));
  const body = { insecure, ...(credential ? { credential } : {}) };
  try {
    return (await context.api.work("pullImage", { name, body }, emit, signal)).value;
  } catch (error) {
    const recipe = recipeOf(error, "IMAGE_NOT_FOUND");
    if (recipe === null) throw error;
    return buildImage(context, recipe, emit, signal);
  }
}

/** From a catalog; what only the distribution has is fetched from there, and that is said. */
export async function obtainKernel(
  context: CliContext,
  name: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<KernelRecord> {
  try {
    return (await context.api.work("pullKernel", { name }, emit, signal)).value;
  } catch (error) {
    const recipe = recipeOf(error, "KERNEL_NOT_FOUND");
    if (recipe === null) throw error;
    return fetchKernel(context, recipe, emit, signal);
  }
}

/** What makes on this host what no catalog has. */
function recipeOf(error: unknown, code: ErrorCode): string | null {
  if (!isError(error, code)) return null;
  const { recipe } = error.details;
  return typeof recipe === "string" ? recipe : null;
}

/** Two bars on one line would be none. */
function warningsOf(emit: Emit): Emit {
  return (event) => {
    if (event.kind === "note" && event.level === "warn") emit(event);
  };
}

export function buildImage(context: CliContext, recipe: string, emit: Emit, signal: AbortSignal): Promise<ImageRecord> {
  emit({ kind: "note", level: "info", text: `building image ${recipe} on this host, once; it takes a minute or two` });
  return uploading(
    signal,
    (either) => context.buildImage(recipe, emit, either),
    ({ tar, source }, either) => context.api.upload("importImage", { name: recipe, source, tar }, emit, either),
  );
}

/** @param wanted `debian-SUITE-cloud` */
function fetchKernel(context: CliContext, wanted: string, emit: Emit, signal: AbortSignal): Promise<KernelRecord> {
  emit({ kind: "note", level: "info", text: `fetching kernel ${wanted} from Debian, once` });
  return uploading(
    signal,
    (either) => context.fetchKernel(wanted, emit, either),
    ({ name, tar, source }, either) => context.api.upload("importKernel", { name, source, tar }, emit, either),
  );
}

/** Sends what a recipe makes. Whichever side fails, the recipe has ended and tidied up when this returns. */
async function uploading<S extends Source, T>(
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

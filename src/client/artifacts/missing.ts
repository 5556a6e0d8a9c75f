/** Doing something that needs an image and a kernel: what is missing is obtained on the way, once. */
import { BangerError } from "../../base/errors/error.ts";
import { referenceOf } from "../../base/reference.ts";
import { defaultKernel } from "../../kernels/names.ts";
import type { Emit } from "../../model/event.ts";
import { type ArtifactNeeds, obtainImage, obtainKernel } from "./obtain.ts";

/** Tries; obtains what is missing, from wherever it can be had; tries again. @throws what `attempt` and obtaining throw */
export async function withArtifacts<T>(
  needs: ArtifactNeeds,
  emit: Emit,
  signal: AbortSignal,
  attempt: () => Promise<T>,
): Promise<T> {
  const obtained = new Set<string>();
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const missing = missingOf(error);
      if (!missing || obtained.has(missing.kind)) throw error;
      obtained.add(missing.kind);
      if (missing.kind === "kernel") await obtainKernel(needs, missing.name, emit, signal);
      else await obtainMissing(needs, missing, emit, signal);
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
  // a name that may not exist anywhere is no reason to fetch a kernel; an image of a catalog may have its own
  const isLong = typeof recipe === "string" || (typeof pull === "string" && referenceOf(pull) !== null);
  return { kind: "image", name, isLong };
}

/** A first run needs both: the kernel is fetched while the image is made. When one fails the other is given up. */
async function obtainMissing(
  needs: ArtifactNeeds,
  { name, isLong }: Missing & { kind: "image" },
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const obtain = (stop: AbortSignal) => obtainImage(needs, { name, login: null, insecure: false }, emit, stop);
  if (isLong) await withKernel(needs, emit, signal, obtain);
  else await obtain(signal);
}

async function withKernel(
  needs: ArtifactNeeds,
  emit: Emit,
  signal: AbortSignal,
  obtain: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const kernels = await needs.api.json("listKernels");
  const needsKernel = !kernels.some((kernel) => kernel.name === defaultKernel);
  const other = new AbortController();
  const either = AbortSignal.any([signal, other.signal]);
  const work = [obtain(either), ...(needsKernel ? [obtainKernel(needs, defaultKernel, warningsOf(emit), either)] : [])];
  try {
    await Promise.all(work);
  } finally {
    other.abort();
    await Promise.allSettled(work);
  }
}

/** Two progress bars can't share one line of a terminal. */
function warningsOf(emit: Emit): Emit {
  return (event) => {
    if (event.kind === "note" && event.level === "warn") emit(event);
  };
}

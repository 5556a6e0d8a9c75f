/** A first run: the image is made or pulled, and the default kernel fetched meanwhile. */
import { referenceOf } from "../../base/reference.ts";
import { defaultKernel } from "../../kernels/names.ts";
import type { Emit } from "../../model/event.ts";
import { type ArtifactNeeds, obtainImage, obtainKernel } from "./obtain.ts";

/** What the daemon does not have. */
export type Missing =
  | {
      kind: "image";
      name: string;
      /** the recipe that makes it on this host, if one does */
      recipe: unknown;
      /** what can be pulled under this name, if anything can */
      pull: unknown;
    }
  | { kind: "kernel"; name: string };

/** @throws what `obtainImage` and `obtainKernel` throw */
export async function obtainMissing(
  needs: ArtifactNeeds,
  missing: Missing,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const { name } = missing;
  if (missing.kind === "kernel") {
    await obtainKernel(needs, name, emit, signal);
    return;
  }
  const obtain = (stop: AbortSignal) => obtainImage(needs, { name, login: null, insecure: false }, emit, stop);
  if (needsDefaultKernel(missing)) await withKernel(needs, emit, signal, obtain);
  else await obtain(signal);
}

/** A name that may not exist anywhere is no reason to fetch a kernel; an image of a catalog may have its own. */
function needsDefaultKernel({ recipe, pull }: Missing & { kind: "image" }): boolean {
  return typeof recipe === "string" || (typeof pull === "string" && referenceOf(pull) !== null);
}

/** When one of the two fails the other is given up. */
async function withKernel(
  needs: ArtifactNeeds,
  emit: Emit,
  signal: AbortSignal,
  obtain: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const kernels = await needs.api.json("listKernels");
  const isMissing = !kernels.some((kernel) => kernel.name === defaultKernel);
  const other = new AbortController();
  const either = AbortSignal.any([signal, other.signal]);
  const work = [obtain(either), ...(isMissing ? [obtainKernel(needs, defaultKernel, warningsOf(emit), either)] : [])];
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

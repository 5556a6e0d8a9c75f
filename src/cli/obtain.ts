/** Doing something that needs an image and a kernel: what is missing is made on the way, once. */
import { BangerError } from "../base/errors/error.ts";
import type { ImageRecord, KernelRecord } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import type { CliContext } from "./context.ts";

/** The kernel that is fetched by itself; any other name must exist. */
const defaultKernel = "debian-bookworm-cloud";

/** Tries; makes what is missing if a recipe can; tries again. */
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
      if (missing.kind === "image") await makeMissing(context, missing.recipe, emit, signal);
      else await fetchKernel(context, emit, signal);
    }
  }
}

type Missing = { kind: "image"; recipe: string } | { kind: "kernel" };

function missingOf(error: unknown): Missing | null {
  if (!(error instanceof BangerError)) return null;
  const { recipe, name } = error.details;
  if (error.code === "IMAGE_NOT_FOUND" && typeof recipe === "string") return { kind: "image", recipe };
  return error.code === "KERNEL_NOT_FOUND" && name === defaultKernel ? { kind: "kernel" } : null;
}

/** A first run needs both: the kernel comes while the image is built. */
async function makeMissing(context: CliContext, recipe: string, emit: Emit, signal: AbortSignal): Promise<void> {
  const kernels = await context.api.json<KernelRecord[]>("GET", "/v1/kernels");
  const needsKernel = !kernels.some((kernel) => kernel.name === defaultKernel);
  const work = [buildImage(context, recipe, emit, signal), needsKernel ? fetchKernel(context, () => {}, signal) : null];
  await Promise.allSettled(work);
  await Promise.all(work);
}

export async function buildImage(
  context: CliContext,
  recipe: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  emit({ kind: "note", level: "info", text: `building image ${recipe} on this host, once; it takes a minute or two` });
  const { tar, source } = await context.buildImage(recipe, emit, signal);
  const path = `/v1/images/${encodeURIComponent(recipe)}?source=${encodeURIComponent(source)}`;
  return context.api.upload<ImageRecord>(path, tar, emit, signal);
}

export async function fetchKernel(context: CliContext, emit: Emit, signal: AbortSignal): Promise<KernelRecord> {
  emit({ kind: "note", level: "info", text: "fetching the Debian cloud kernel, once" });
  const { name, tar, source } = await context.fetchKernel(emit, signal);
  const path = `/v1/kernels/${encodeURIComponent(name)}?source=${encodeURIComponent(source)}`;
  return context.api.upload<KernelRecord>(path, tar, emit, signal);
}

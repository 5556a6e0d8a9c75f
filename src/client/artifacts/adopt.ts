/** Takes over images and kernels from one daemon into another: each is exported there and imported here. */
import { type BangerError, toBangerError } from "../../base/errors/error.ts";
import type { ImageView, KernelView } from "../../model/artifact.ts";
import type { Emit } from "../../model/event.ts";
import type { Api } from "../api.ts";

type Source = Pick<Api, "json" | "tar">;
type Target = Pick<Api, "json" | "upload">;

export type Adopted = {
  images: string[];
  kernels: string[];
  /** names that were there already */
  present: string[];
  failed: { name: string; error: BangerError }[];
};

/** One that fails does not keep the others; the source keeps all of its own. */
export async function adoptArtifacts(from: Source, to: Target, emit: Emit, signal: AbortSignal): Promise<Adopted> {
  const adopted: Adopted = { images: [], kernels: [], present: [], failed: [] };
  const take = async (name: string, taken: string[], known: Set<string>, copy: () => Promise<unknown>) => {
    signal.throwIfAborted();
    if (known.has(name)) return void adopted.present.push(name);
    try {
      await copy();
      taken.push(name);
    } catch (error) {
      signal.throwIfAborted();
      adopted.failed.push({ name, error: toBangerError(error) });
    }
  };
  const kernels = namesOf(await to.json("listKernels"));
  for (const kernel of await from.json("listKernels"))
    await take(kernel.name, adopted.kernels, kernels, () => copyKernel(from, to, kernel, emit, signal));
  const images = namesOf(await to.json("listImages"));
  for (const image of await from.json("listImages"))
    await take(image.name, adopted.images, images, () => copyImage(from, to, image, emit, signal));
  return adopted;
}

function namesOf(artifacts: readonly { name: string }[]): Set<string> {
  return new Set(artifacts.map(({ name }) => name));
}

async function copyKernel(from: Source, to: Target, { name, source }: KernelView, emit: Emit, signal: AbortSignal) {
  const tar = from.tar("exportKernel", { name }, signal);
  return to.upload("importKernel", { name, source, tar }, emit, signal);
}

/** An OCI archive does not say which kernel an image needs, nor what a saved VM had in its containers' folders. */
async function copyImage(from: Source, to: Target, image: ImageView, emit: Emit, signal: AbortSignal) {
  const { name, source, kernel, direct } = image;
  const lost = [
    ...(kernel === null ? [] : [`${name} has no kernel of its own any more: start its VMs with --kernel ${kernel}`]),
    ...(direct === null ? [] : [`the containers in ${name} are not taken over`]),
  ];
  const tar = from.tar("exportImage", { name }, signal);
  const made = await to.upload("importArchive", { source, query: { name }, tar }, emit, signal);
  for (const text of lost) emit({ kind: "note", level: "warn", text });
  return made;
}

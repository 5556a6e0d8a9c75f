/** Whether the files of an image or a kernel are there and whole: for people to see, and before a boot. */
import { BangerError } from "../../base/errors/error.ts";
import type { ContentProblem, ImageRecord, KernelRecord } from "../../model/artifact.ts";
import type { ImagesContext } from "./context.ts";

type Deps = Pick<ImagesContext, "artifacts">;

/** @param verify read all of it, which takes a second for each gigabyte; else sizes and headers */
export function imageProblem({ artifacts }: Deps, image: ImageRecord, verify = false): Promise<ContentProblem | null> {
  return problemOf(verify ? artifacts.verifyImage(image, true) : artifacts.checkImage(image));
}

export function kernelProblem({ artifacts }: Deps, one: KernelRecord, verify = false): Promise<ContentProblem | null> {
  return problemOf(verify ? artifacts.verifyKernel(one, true) : artifacts.checkKernel(one));
}

/** Reads all of what a VM is about to boot, once for each state of the files. @throws IMAGE_DAMAGED, KERNEL_DAMAGED */
export async function verifyArtifacts(
  { artifacts }: Deps,
  { image, kernel }: { image: ImageRecord; kernel: KernelRecord },
): Promise<void> {
  await Promise.all([artifacts.verifyImage(image), artifacts.verifyKernel(kernel)]);
}

/** What can't be looked at (its folder may not be entered, say) is a problem too. */
async function problemOf(check: Promise<void>): Promise<ContentProblem | null> {
  try {
    await check;
    return null;
  } catch (error) {
    if (error instanceof BangerError) return { message: error.message, hint: error.hint };
    return { message: (error as Error).message, hint: "`banger doctor` checks the host" };
  }
}

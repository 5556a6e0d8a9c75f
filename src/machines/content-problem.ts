/** Whether the files of an image or a kernel are there and whole, for people to see before they start a VM. */
import { BangerError } from "../base/errors/error.ts";
import type { ContentProblem, ImageRecord, KernelRecord } from "../model/artifact.ts";
import type { Context } from "./context.ts";

type Deps = Pick<Context, "artifacts">;

/** @param verify read all of it, which takes a second for each gigabyte; else sizes and headers */
export function imageProblem({ artifacts }: Deps, image: ImageRecord, verify = false): Promise<ContentProblem | null> {
  return problemOf(verify ? artifacts.verifyImage(image, true) : artifacts.checkImage(image));
}

export function kernelProblem({ artifacts }: Deps, one: KernelRecord, verify = false): Promise<ContentProblem | null> {
  return problemOf(verify ? artifacts.verifyKernel(one, true) : artifacts.checkKernel(one));
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

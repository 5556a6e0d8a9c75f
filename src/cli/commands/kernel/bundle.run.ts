/** `banger kernel bundle`. */
import { type BundleContent, type BundleFlags, writeBundle } from "../../bundle.ts";
import type { CliContext } from "../../context.ts";

export async function bundle(this: CliContext, flags: BundleFlags, name: string, folder: string): Promise<void> {
  await writeBundle(this, flags, folder, async (): Promise<BundleContent> => {
    const { digest, name: own, release, createdAt } = await this.api.json("showKernel", { name });
    return {
      kind: "kernel",
      name: own,
      kernel: null,
      facts: { created: new Date(createdAt).toISOString(), release },
      parts: (signal) => [{ part: "kernel", tar: this.api.tar("exportKernel", { name: digest }, signal) }],
    };
  });
}

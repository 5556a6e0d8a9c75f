/** `banger image bundle`. */
import { type BundleContent, type BundleFlags, writeBundle } from "../../bundle.ts";
import type { CliContext } from "../../context.ts";

export async function bundle(this: CliContext, flags: BundleFlags, name: string, folder: string): Promise<void> {
  await writeBundle(this, flags, folder, async (): Promise<BundleContent> => {
    const { digest, name: own, kernel, direct, config, createdAt } = await this.api.json("showImage", { name });
    const open = (part: string, signal: AbortSignal) => ({
      part,
      // by digest: the name can belong to another image by then
      tar: this.api.tar("rootfsImage", { name: digest, query: { part } }, signal),
    });
    return {
      kind: "image",
      name: own,
      kernel,
      facts: { created: new Date(createdAt).toISOString(), config },
      parts: (signal) => ["rootfs", ...(direct ? ["direct"] : [])].map((part) => open(part, signal)),
    };
  });
}

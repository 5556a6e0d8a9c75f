/** `banger kernel catalog`. */
import { showCatalog } from "../../catalog.ts";
import type { CliContext } from "../../context.ts";
import type { JsonFlag } from "../../work.ts";

export async function catalog(this: CliContext, flags: JsonFlag, word?: string): Promise<void> {
  await showCatalog(this, flags, "kernel", word);
}

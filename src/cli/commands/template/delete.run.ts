/** `banger template delete`. */
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import { shortDigest } from "../../ui/artifacts.ts";
import type { JsonFlag } from "../../work.ts";

export async function remove(this: CliContext, flags: JsonFlag, ...keys: string[]): Promise<void> {
  await each(this, flags, keys, {
    one: (name) => this.api.json("deleteTemplate", { name }),
    done: ({ key }) => `${shortDigest(key)} is deleted`,
  });
}

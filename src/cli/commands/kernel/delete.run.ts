/** `banger kernel delete`. */
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import type { JsonFlag } from "../../work.ts";

export async function remove(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await each(this, flags, names, {
    one: (name) => this.api.json("deleteKernel", { name }),
    done: (_kernel, name) => `${name} is deleted`,
  });
}

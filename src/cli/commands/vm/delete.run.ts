/** `banger vm delete`. */
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import type { JsonFlag } from "../../work.ts";

export async function remove(
  this: CliContext,
  flags: JsonFlag & { force?: boolean },
  ...names: string[]
): Promise<void> {
  await each(this, flags, names, {
    one: (name) => this.api.json("deleteVm", { name }),
    done: (_vm, name) => `${name} is deleted`,
  });
}

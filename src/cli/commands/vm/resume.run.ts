/** `banger vm resume`. */
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import type { JsonFlag } from "../../work.ts";

export async function resume(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await each(this, flags, names, {
    one: (name) => this.api.json("resumeVm", { name }),
    done: (_vm, name) => `${name} is running`,
  });
}

/** `banger vm kill`. */
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import type { JsonFlag } from "../../work.ts";

export async function kill(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await each(this, flags, names, {
    one: (name) => this.api.json("killVm", { name }),
    done: (_vm, name) => `${name} is stopped`,
  });
}

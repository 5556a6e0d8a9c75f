/** `banger vm pause`. */
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import type { JsonFlag } from "../../work.ts";

export async function pause(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await each(this, flags, names, {
    one: (name) => this.api.json("pauseVm", { name }),
    done: (_vm, name) => `${name} is paused`,
  });
}

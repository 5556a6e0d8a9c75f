/** `banger vm suspend`. */
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import type { JsonFlag } from "../../work.ts";

export async function suspend(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await each(this, flags, names, {
    one: async (name, emit, signal) => (await this.api.work("suspendVm", { name }, emit, signal)).value,
    done: (_vm, name) => `${name} is suspended: \`banger vm ssh ${name}\` or \`banger vm start ${name}\` wakes it`,
  });
}

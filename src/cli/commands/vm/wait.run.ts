/** `banger vm wait`. */
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import type { JsonFlag } from "../../work.ts";

export async function wait(this: CliContext, flags: JsonFlag, ...names: string[]): Promise<void> {
  await each(this, flags, names, {
    one: async (name, emit, signal) => (await this.api.work("waitVm", { name }, emit, signal)).value,
    done: (vm) => `${vm.name} ${vm.state}`,
  });
}

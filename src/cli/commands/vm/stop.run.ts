/** `banger vm stop`. The daemon emits an event when it cuts the power. */
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import type { JsonFlag } from "../../work.ts";

export async function stop(this: CliContext, flags: JsonFlag & { grace?: number }, ...names: string[]): Promise<void> {
  const body = flags.grace === undefined ? {} : { graceMs: flags.grace };
  await each(this, flags, names, {
    one: async (name, emit, signal) => (await this.api.work("stopVm", { name, body }, emit, signal)).value,
    // a note with the reason was printed before
    done: ({ vm }, name) => (vm.state === "failed" ? `${name} is off` : `${name} is stopped`),
  });
}

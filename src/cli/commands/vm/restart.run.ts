/** `banger vm restart`. */
import type { WaitKind } from "../../../model/vm.ts";
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import { syncFirstStart } from "../../file-sync.ts";
import type { JsonFlag } from "../../work.ts";

type RestartFlags = JsonFlag & { wait?: WaitKind; grace?: number };

export async function restart(this: CliContext, flags: RestartFlags, ...names: string[]): Promise<void> {
  const { wait, grace } = flags;
  const body = { ...(wait ? { wait } : {}), ...(grace === undefined ? {} : { graceMs: grace }) };
  await each(this, flags, names, {
    starts: true,
    one: async (name, emit, signal) => {
      const { value } = await this.api.work("restartVm", { name, body }, emit, signal);
      return syncFirstStart(this, value, {}, emit, signal);
    },
    done: (_vm, name) => `${name} is running`,
  });
}

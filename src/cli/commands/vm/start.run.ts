/** `banger vm start`. */
import type { WaitKind } from "../../../model/vm.ts";
import type { CliContext } from "../../context.ts";
import { each } from "../../each.ts";
import { type SyncFlag, syncFirstStart } from "../../file-sync.ts";
import type { JsonFlag } from "../../work.ts";

export async function start(
  this: CliContext,
  flags: JsonFlag & SyncFlag & { wait?: WaitKind; cold?: boolean },
  ...names: string[]
): Promise<void> {
  const body = { ...(flags.wait ? { wait: flags.wait } : {}), ...(flags.cold ? { cold: true } : {}) };
  await each(this, flags, names, {
    starts: true,
    one: async (name, emit, signal) => {
      const { value } = await this.api.work("startVm", { name, body }, emit, signal);
      return syncFirstStart(this, value, flags, emit, signal);
    },
    done: (_vm, name) => `${name} is running`,
  });
}

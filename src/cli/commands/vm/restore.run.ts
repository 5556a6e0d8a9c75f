/** `banger vm restore`. */
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, rootWarning, running, sinkOf } from "../../work.ts";

export async function restore(
  this: CliContext,
  flags: JsonFlag & { cold?: boolean },
  name: string,
  snapshot: string,
): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    for (const note of rootWarning(this)) sink.emit(note);
    const body = { snapshot, ...(flags.cold ? { cold: true } : {}) };
    const { value } = await cancellable(this.signals, (signal) =>
      this.api.work("restoreVm", { name, body }, sink.emit, signal),
    ).finally(() => sink.done());
    if (flags.json) printJson(this, value);
    else print(this, `${value.name} is ${value.state}, as of ${snapshot}\n`);
  }).finally(() => sink.done());
}

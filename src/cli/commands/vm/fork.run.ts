/** `banger vm fork`. */
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, rootWarning, running, sinkOf } from "../../work.ts";
import { rememberForks } from "../workspace/remember.ts";

export async function fork(
  this: CliContext,
  flags: JsonFlag & { count?: number },
  name: string,
  ...names: string[]
): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    for (const note of rootWarning(this)) sink.emit(note);
    const body = { names, ...(flags.count === undefined ? {} : { count: flags.count }) };
    const { value } = await cancellable(this.signals, (signal) =>
      this.api.work("forkVm", { name, body }, sink.emit, signal),
    ).finally(() => sink.done());
    const source = await this.api.json("showVm", { name });
    const forks = value.map(({ id }) => id);
    await rememberForks(this, source.id, forks, sink.emit);
    if (flags.json) printJson(this, value);
    else print(this, value.map((vm) => `${vm.name}\n`).join(""));
  }).finally(() => sink.done());
}

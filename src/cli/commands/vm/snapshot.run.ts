/** `banger vm snapshot`. */
import { formatSize } from "../../../base/units.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, remark, running, sinkOf } from "../../work.ts";

export async function snapshot(this: CliContext, flags: JsonFlag, vm: string, name?: string): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const body = name === undefined ? {} : { name };
    const { value } = await cancellable(this.signals, (signal) =>
      this.api.work("snapshotVm", { name: vm, body }, sink.emit, signal),
    ).finally(() => sink.done());
    if (flags.json) return printJson(this, value);
    print(this, `${value.name} ${formatSize(value.bytes)}\n`);
    remark(this, flags, `return to it with \`banger vm restore ${vm} ${value.name}\`\n`);
  }).finally(() => sink.done());
}

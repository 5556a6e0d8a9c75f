/** `banger kernel pull`. */
import { obtainKernel } from "../../../client/artifacts/obtain.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, running, sinkOf } from "../../work.ts";

export async function pull(this: CliContext, flags: JsonFlag, name: string): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const kernel = await cancellable(this.signals, (signal) => obtainKernel(this, name, sink.emit, signal)).finally(
      () => sink.done(),
    );
    if (flags.json) printJson(this, kernel);
    else print(this, `${kernel.name} ${kernel.release}\n`);
  }).finally(() => sink.done());
}

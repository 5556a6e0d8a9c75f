/** `banger vm workspace status`. */
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, running, sinkOf } from "../../work.ts";
import { statusJson, statusText } from "./show.ts";
import { withWork } from "./work.ts";

export async function status(this: CliContext, flags: JsonFlag, vm: string): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, () =>
    withWork(this, vm, sink.emit, async (work) => {
      sink.done();
      if (flags.json) printJson(this, statusJson(work));
      else print(this, statusText(work));
    }),
  ).finally(() => sink.done());
}

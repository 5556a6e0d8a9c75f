/** `banger kernel import`. */
import type { ImageName } from "../../../base/names.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, running, sinkOf } from "../../work.ts";

type Flags = JsonFlag & { image: string; modules?: string; config?: string };

export async function importKernel(this: CliContext, flags: Flags, name: ImageName): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const kernel = await cancellable(this.signals, async (signal) => {
      const { image, modules, config } = flags;
      const { tar, source } = await this.openKernel({ image, modules, config }, signal);
      return this.api.upload("importKernel", { name, source, tar }, sink.emit, signal);
    }).finally(() => sink.done());
    if (flags.json) printJson(this, kernel);
    else print(this, `${kernel.name} ${kernel.release}\n`);
  }).finally(() => sink.done());
}

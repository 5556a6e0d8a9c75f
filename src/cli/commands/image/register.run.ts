/** `banger image register`. */
import type { ImageName } from "../../../base/names.ts";
import { formatSize } from "../../../base/units.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { imageBytes } from "../../ui/artifacts.ts";
import { type JsonFlag, print, printJson, running, sinkOf } from "../../work.ts";

export async function register(
  this: CliContext,
  flags: JsonFlag & { rootfs: string; kernel?: string },
  name: ImageName,
): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const image = await cancellable(this.signals, async (signal) => {
      const { tar, source } = await this.openRootfs(flags.rootfs, signal);
      const query = flags.kernel === undefined ? {} : { kernel: flags.kernel };
      return this.api.upload("importImage", { name, source, query, tar }, sink.emit, signal);
    }).finally(() => sink.done());
    if (flags.json) printJson(this, image);
    else print(this, `${image.name} ${formatSize(imageBytes(image))}\n`);
  }).finally(() => sink.done());
}

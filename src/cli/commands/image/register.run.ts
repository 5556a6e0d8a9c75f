/** `banger image register`. */
import type { ImageName } from "../../../base/names.ts";
import { formatSize } from "../../../base/units.ts";
import { type RootfsSource, registerImage } from "../../../client/artifacts/register.ts";
import type { Emit } from "../../../model/event.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { imageBytes } from "../../ui/artifacts.ts";
import { type JsonFlag, print, printJson, rootWarning, running, sinkOf } from "../../work.ts";

type RegisterFlags = JsonFlag & { rootfs: string; kernel?: string };

export async function register(this: CliContext, flags: RegisterFlags, name: ImageName): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const image = await cancellable(this.signals, (signal) => {
      const wanted = { name, kernel: flags.kernel, open: opener(this, flags.rootfs, sink.emit, signal) };
      return registerImage(this, wanted, sink.emit, signal);
    }).finally(() => sink.done());
    if (flags.json) printJson(this, image);
    else print(this, `${image.name} ${formatSize(imageBytes(image))}\n`);
  }).finally(() => sink.done());
}

/** Opens the root file system. Whether a VM has to read it, as for a disk, is known only then. */
function opener(context: CliContext, path: string, emit: Emit, signal: AbortSignal): () => Promise<RootfsSource> {
  let isWarned = false;
  return async () => {
    const source = await context.openRootfs(path, signal);
    if (source.isDisk && !isWarned) for (const note of rootWarning(context)) emit(note);
    isWarned ||= source.isDisk ?? false;
    return source;
  };
}

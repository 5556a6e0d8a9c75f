/** `banger image register`. */

import { isError } from "../../../base/errors/error.ts";
import type { ImageName } from "../../../base/names.ts";
import { formatSize } from "../../../base/units.ts";
import { withArtifacts } from "../../../client/artifacts/missing.ts";
import type { ImageRecord } from "../../../model/artifact.ts";
import type { Emit } from "../../../model/event.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { imageBytes } from "../../ui/artifacts.ts";
import { type JsonFlag, print, printJson, rootWarning, running, sinkOf } from "../../work.ts";

type RegisterFlags = JsonFlag & { rootfs: string; kernel?: string };

export async function register(this: CliContext, flags: RegisterFlags, name: ImageName): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const image = await cancellable(this.signals, (signal) => send(this, flags, name, sink.emit, signal)).finally(() =>
      sink.done(),
    );
    if (flags.json) printJson(this, image);
    else print(this, `${image.name} ${formatSize(imageBytes(image))}\n`);
  }).finally(() => sink.done());
}

/** A disk is read by a VM, which needs a kernel: one that is missing is fetched, and the disk sent again. */
async function send(
  context: CliContext,
  flags: RegisterFlags,
  name: ImageName,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const open = () => context.openRootfs(flags.rootfs, signal);
  const query = flags.kernel === undefined ? {} : { kernel: flags.kernel };
  const { isDisk = false, isOnce = false, tar, source } = await open();
  const upload = (twice: boolean, content: AsyncIterable<Uint8Array>) =>
    context.api.upload(
      "importImage",
      { name, source, query: twice ? { ...query, twice: "1" } : query, tar: content },
      emit,
      signal,
    );
  if (!isDisk) {
    return upload(isOnce, tar).catch(async (error: unknown) => {
      if (!isError(error, "IMAGE_READ_TWICE") || isOnce) throw error;
      return upload(true, (await open()).tar);
    });
  }
  for (const note of rootWarning(context)) emit(note);
  return withArtifacts(context, emit, signal, async () => {
    const disk = await open();
    return context.api.upload("importDisk", { name, source, query, tar: disk.tar }, emit, signal);
  });
}

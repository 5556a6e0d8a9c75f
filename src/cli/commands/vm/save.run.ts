/** `banger vm save`. */
import type { ImageName } from "../../../base/names.ts";
import { formatSize } from "../../../base/units.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, rootWarning, running, sinkOf } from "../../work.ts";

type SaveFlags = JsonFlag & { withSyncedFiles?: boolean };

export async function save(this: CliContext, flags: SaveFlags, vm: string, name: ImageName): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    for (const note of rootWarning(this)) sink.emit(note);
    const body = { image: name, ...(flags.withSyncedFiles ? { withSyncedFiles: true } : {}) };
    const image = await cancellable(this.signals, async (signal) => {
      return (await this.api.work("saveVm", { name: vm, body }, sink.emit, signal)).value;
    }).finally(() => sink.done());
    const shown = await this.api.json("showImage", { name: image.name });
    if (flags.json) printJson(this, shown);
    else
      print(this, `${shown.name} ${formatSize(shown.ownBytes)} of its own, ${formatSize(shown.sharedBytes)} shared\n`);
  }).finally(() => sink.done());
}

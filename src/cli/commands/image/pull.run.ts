/** `banger image pull`. */
import { formatSize } from "../../../base/units.ts";
import { obtainImage } from "../../../client/artifacts/obtain.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type LoginFlags, loginOf } from "../../login.ts";
import { imageBytes } from "../../ui/artifacts.ts";
import { type JsonFlag, print, printJson, running, sinkOf } from "../../work.ts";

export async function pull(
  this: CliContext,
  flags: JsonFlag & LoginFlags & { insecure?: boolean },
  name: string,
): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const login = await loginOf(this, flags);
    const image = await cancellable(this.signals, (signal) =>
      obtainImage(this, { name, login, insecure: flags.insecure ?? false }, sink.emit, signal),
    ).finally(() => sink.done());
    if (flags.json) printJson(this, image);
    else print(this, `${image.name} ${formatSize(imageBytes(image))}\n`);
  }).finally(() => sink.done());
}

/** `banger image export`. */
import { fail } from "../../../base/errors/error.ts";
import { formatSize } from "../../../base/units.ts";
import { directFolders } from "../../../model/artifact.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, printJson, remark, running, sinkOf } from "../../work.ts";

export async function exportImage(this: CliContext, flags: JsonFlag, image: string, file: string): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    if (file === "-" && this.stdio.stdoutIsTerminal) {
      throw fail("USAGE", {
        problem: "an archive can't be written to a terminal",
        next: "name a file, or redirect stdout",
      });
    }
    const { direct } = await this.api.json("showImage", { name: image });
    if (direct) {
      const text = `the content of ${directFolders.join(", ")} in ${image} is not exported`;
      sink.emit({ kind: "note", level: "warn", text });
    }
    let bytes = 0;
    await cancellable(this.signals, async (signal) => {
      const counted = (async function* (archive: AsyncIterable<Uint8Array>) {
        for await (const chunk of archive) {
          bytes += chunk.length;
          sink.emit({ kind: "progress", step: "export", text: `writing ${image}`, done: bytes });
          yield chunk;
        }
      })(this.api.tar("exportImage", { name: image }, signal));
      await this.saveTo(file, counted);
    }).finally(() => sink.done());
    if (file === "-") return;
    if (flags.json) printJson(this, { file, bytes });
    else remark(this, flags, `${image} is in ${file}, ${formatSize(bytes)}\n`);
  }).finally(() => sink.done());
}

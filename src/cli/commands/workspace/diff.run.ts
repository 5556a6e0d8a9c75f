/** `banger vm workspace diff`. */
import { patchOf } from "../../../workspace/pull/patch.ts";
import { everyChange } from "../../../workspace/pull/work.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, running, sinkOf } from "../../work.ts";
import { noteWithoutBase, writePatch } from "./patch-out.ts";
import { withWork } from "./work.ts";

export async function diff(this: CliContext, flags: JsonFlag, vm: string): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, () =>
    withWork(this, vm, sink.emit, async ({ received }) => {
      const patch = await patchOf(received.host, everyChange(received), true);
      noteWithoutBase(patch, sink);
      sink.done();
      await writePatch(this, patch, "-");
    }),
  ).finally(() => sink.done());
}

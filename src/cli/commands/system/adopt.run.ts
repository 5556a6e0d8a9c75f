/** `banger system adopt`. */
import { fail } from "../../../base/errors/error.ts";
import { Exit } from "../../../base/exit.ts";
import { adoptArtifacts } from "../../../client/artifacts/adopt.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, remark, reportFailure, running, sinkOf } from "../../work.ts";

export async function adopt(this: CliContext, flags: JsonFlag): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    if (this.serviceOwner === null) throw fail("SYSTEM_NOT_INSTALLED", {});
    const own = await this.ownApi();
    if (own === null) return remark(this, flags, "you have no images of your own daemon\n");
    const adopted = await cancellable(this.signals, (signal) => adoptArtifacts(own, this.api, sink.emit, signal));
    sink.done();
    if (flags.json)
      printJson(this, { ...adopted, failed: adopted.failed.map(({ name, error }) => ({ name, ...error.toWire() })) });
    else {
      for (const name of [...adopted.kernels, ...adopted.images]) print(this, `${name} is copied\n`);
      for (const name of adopted.present) print(this, `${name} was there already\n`);
      for (const { error } of adopted.failed) reportFailure(this, flags, error);
    }
    return adopted.failed[0]?.error.exit ?? Exit.Ok;
  }).finally(() => sink.done());
}

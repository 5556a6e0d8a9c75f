/** `banger template warm`. */
import { formatSize } from "../../../base/units.ts";
import { withArtifacts } from "../../../client/artifacts/missing.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type CreateFlags, createRequest } from "../../create-request.ts";
import { shortDigest } from "../../ui/artifacts.ts";
import { specFirst } from "../../ui/events.ts";
import { print, printJson, rootWarning, running, sinkOf } from "../../work.ts";

type WarmFlags = Pick<CreateFlags, "kernel" | "vcpu" | "memory" | "disk" | "network" | "vmm" | "nested" | "json">;

export async function warm(this: CliContext, flags: WarmFlags, image?: string): Promise<void> {
  const sink = specFirst(sinkOf(this, flags));
  await running(this, flags, async () => {
    for (const note of rootWarning(this)) sink.emit(note);
    const body = createRequest({ ...flags, ...(image === undefined ? {} : { image }) });
    const { value } = await cancellable(this.signals, (signal) =>
      withArtifacts(this, sink.emit, signal, () => this.api.work("warmTemplate", { body }, sink.emit, signal)),
    ).finally(() => sink.done());
    if (flags.json) printJson(this, value);
    else print(this, `${shortDigest(value.key)} ${formatSize(value.bytes)}\n`);
  }).finally(() => sink.done());
}

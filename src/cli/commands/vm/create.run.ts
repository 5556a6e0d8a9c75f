/** `banger vm create`: creates a VM without starting it. */
import { createVm } from "../../../client/vm/create.ts";
import type { Emit } from "../../../model/event.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { type CreateFlags, createRequest } from "../../create-request.ts";
import { environmentOf } from "../../environment.ts";
import { planFor } from "../../file-sync.ts";
import { specFirst } from "../../ui/events.ts";
import { print, printJson, running, sinkOf } from "../../work.ts";

export async function create(this: CliContext, flags: CreateFlags): Promise<void> {
  const sink = specFirst(sinkOf(this, flags));
  await running(this, flags, async () => {
    const env = await environmentOf(this, flags);
    const request = {
      ...createRequest(flags),
      ...(Object.keys(env).length > 0 ? { env } : {}),
      ...(await awaitsSync(this, flags, sink.emit)),
    };
    const { value } = await cancellable(this.signals, (signal) => createVm(this, request, sink.emit, signal)).finally(
      () => sink.done(),
    );
    if (flags.json) printJson(this, value);
    else print(this, `${value.name}\n`);
  });
}

/** What is missing is said now; the files go in when the VM has started for the first time, as they are then. */
async function awaitsSync(context: CliContext, flags: CreateFlags, emit: Emit): Promise<{ awaitsSync?: true }> {
  const plan = await planFor(context, flags, emit);
  plan?.close();
  return plan ? { awaitsSync: true } : {};
}

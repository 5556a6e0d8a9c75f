/** `banger vm restore`. */
import { formatAge } from "../../../base/units.ts";
import type { SnapshotView } from "../../../model/save.ts";
import type { VmRecord, VmState } from "../../../model/vm.ts";
import { cancellable } from "../../abort.ts";
import { type Confirmation, confirm } from "../../confirm.ts";
import type { CliContext } from "../../context.ts";
import { type JsonFlag, print, printJson, rootWarning, running, sinkOf } from "../../work.ts";
import { findSnapshot } from "../snapshot/find.ts";

export async function restore(
  this: CliContext,
  flags: JsonFlag & { cold?: boolean; force?: boolean },
  name: string,
  snapshot: string,
): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    if (!flags.force) await confirm(this, flags, await lossOf(this, name, snapshot));
    for (const note of rootWarning(this)) sink.emit(note);
    const body = { snapshot, ...(flags.cold ? { cold: true } : {}) };
    const { value } = await cancellable(this.signals, (signal) =>
      this.api.work("restoreVm", { name, body }, sink.emit, signal),
    ).finally(() => sink.done());
    if (flags.json) printJson(this, value);
    else print(this, `${value.name} is ${value.state}, as of ${snapshot}\n`);
  }).finally(() => sink.done());
}

/** @throws VM_NOT_FOUND, SNAPSHOT_NOT_FOUND before the user is asked */
async function lossOf(context: CliContext, name: string, wanted: string): Promise<Confirmation> {
  const [vm, snapshot] = await Promise.all([context.api.json("showVm", { name }), findSnapshot(context, name, wanted)]);
  return restoreLoss(vm, snapshot, context.now());
}

/** What is lost by a restore. @param now Unix time in `ms` */
function restoreLoss(
  { name, state }: Pick<VmRecord, "name" | "state">,
  snapshot: Pick<SnapshotView, "name" | "createdAt">,
  now: number,
): Confirmation {
  const running = runs[state] ?? "";
  const age = formatAge(now - snapshot.createdAt);
  return {
    loss: `everything on the disk of "${name}" that changed since snapshot "${snapshot.name}" was taken (${age} ago) is lost${running}`,
    question: `return to "${snapshot.name}"`,
  };
}

const runs: Partial<Record<VmState, string>> = {
  running: ", and so is all that runs in it now",
  paused: ", and so is all that runs in it now",
  suspended: ", and so is all that it was suspended with",
};

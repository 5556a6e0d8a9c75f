/** Keeps on this host what was sent into a VM. */
import type { VmId } from "../../../base/names.ts";
import type { Emit } from "../../../model/event.ts";
import type { WorkspacePlan } from "../../../workspace/types.ts";
import type { CliContext } from "../../context.ts";

/** A failure is a warning: the VM is useful without it. */
export async function rememberSent(
  context: CliContext,
  plan: Pick<WorkspacePlan, "sent">,
  id: VmId,
  emit: Emit,
): Promise<void> {
  await attempt(emit, async () => {
    const { records } = await context.pullHost();
    if (plan.sent) await records.write(id, plan.sent.sent());
    else await records.remove(id);
  });
}

/** A fork has the files of its VM. */
export async function rememberForks(
  context: CliContext,
  from: VmId,
  forks: readonly VmId[],
  emit: Emit,
): Promise<void> {
  await attempt(emit, async () => (await context.pullHost()).records.copy(from, forks));
}

export async function forgetSent(context: CliContext, id: VmId, emit: Emit): Promise<void> {
  await attempt(emit, async () => (await context.pullHost()).records.remove(id));
}

async function attempt(emit: Emit, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    const text = `\`vm workspace pull\` will not work with this VM: ${(error as Error).message}`;
    emit({ kind: "note", level: "warn", text });
  }
}

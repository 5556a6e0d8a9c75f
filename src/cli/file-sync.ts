/** `file_sync` in the commands that create or start a VM, and in `vm sync`. */
import { guestUser, userNameOf } from "../client/copy/guest-user.ts";
import { openSession, type VmSession } from "../client/session/open.ts";
import type { SyncPlan } from "../client/sync/plan.ts";
import { type Synced, sendSync } from "../client/sync/send.ts";
import type { Emit } from "../model/event.ts";
import type { VmView } from "../model/vm.ts";
import type { CliContext } from "./context.ts";
import { noticePrinter } from "./vm-notices.ts";

export type SyncFlag = { noSync?: boolean };

/** What a new VM gets; null: nothing. The caller closes it. @throws SYNC_MISSING, SYNC_REFUSED, CONFIG_INVALID */
export async function planFor(context: CliContext, { noSync }: SyncFlag, emit: Emit): Promise<SyncPlan | null> {
  if (noSync) return null;
  const plan = await context.planFileSync();
  for (const note of plan.notes) emit({ kind: "note", ...note });
  if (plan.parts.length > 0) return plan;
  plan.close();
  return null;
}

/** @param user whose home `~/` is; undefined: the user that the VM's image names @throws as `sendSync` */
export async function syncInto(
  context: CliContext,
  { name, client }: VmSession,
  plan: SyncPlan,
  user: string | undefined,
  emit: Emit,
  signal: AbortSignal,
): Promise<Synced> {
  const whose = await guestUser(client, await userNameOf(context, name, user), signal);
  return sendSync(context, { vm: name, client, user: whose }, plan, emit, signal);
}

/** Copies the files into a VM that `vm create` made, and that runs for the first time. */
export async function syncFirstStart(
  context: CliContext,
  vm: VmView,
  { noSync }: SyncFlag,
  emit: Emit,
  signal: AbortSignal,
): Promise<VmView> {
  // an older daemon does not say
  if (!vm.awaitsSync || noSync) return vm;
  const plan = await planFor(context, {}, emit);
  if (plan === null) return vm;
  try {
    const session = await openSession(context, vm.name, noticePrinter(context), signal);
    try {
      await syncInto(context, session, plan, undefined, emit, signal);
    } finally {
      session.client.destroy();
    }
  } finally {
    plan.close();
  }
  return context.api.json("showVm", { name: vm.name });
}

/** `banger vm sync`. */
import { fail, isError } from "../../../base/errors/error.ts";
import { count } from "../../../base/text.ts";
import { formatSize } from "../../../base/units.ts";
import { explainLoss } from "../../../client/session/loss.ts";
import { openSession } from "../../../client/session/open.ts";
import type { SyncPlan } from "../../../client/sync/plan.ts";
import type { Synced } from "../../../client/sync/send.ts";
import type { Emit } from "../../../model/event.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { syncInto } from "../../file-sync.ts";
import { noticePrinter } from "../../vm-notices.ts";
import { type JsonFlag, printJson, remark, running, sinkOf } from "../../work.ts";

type Flags = JsonFlag & { user?: string };

export async function sync(this: CliContext, flags: Flags, name: string): Promise<void> {
  const sink = sinkOf(this, flags);
  await running(this, flags, async () => {
    const plan = await this.planFileSync();
    try {
      requireEntries(plan);
      for (const note of plan.notes) sink.emit({ kind: "note", ...note });
      const done = await cancellable(this.signals, (signal) => perform(this, flags, name, plan, sink.emit, signal));
      sink.done();
      if (flags.json) printJson(this, done);
      else remark(this, flags, `copied ${count(done.entries, "entry", "entries")}, ${formatSize(done.bytes)}\n`);
    } finally {
      plan.close();
    }
  }).finally(() => sink.done());
}

async function perform(
  context: CliContext,
  { user }: Flags,
  name: string,
  plan: SyncPlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<Synced> {
  const session = await openSession(context, name, noticePrinter(context), signal);
  try {
    return await syncInto(context, session, plan, user, emit, signal);
  } catch (error) {
    if (signal.aborted || !isError(error, "SESSION_LOST")) throw error;
    throw (await explainLoss(context, name, error)).error();
  } finally {
    session.client.destroy();
  }
}

function requireEntries({ parts, notes }: SyncPlan): void {
  if (parts.length === 0 && notes.length === 0)
    throw fail("USAGE", {
      problem: "the configuration has no [[file_sync]]",
      next: "add one, as docs/file-sync.md shows; `banger vm cp` copies what you name",
    });
}

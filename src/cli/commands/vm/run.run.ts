/** `banger vm run`: creates a VM, copies the workspace, runs a command and returns its exit code. */
import type { CreateVm } from "../../../api/types.ts";
import { isError } from "../../../base/errors/error.ts";
import { Exit } from "../../../base/exit.ts";
import { openSession, type VmSession } from "../../../client/session/open.ts";
import { requireExecutable } from "../../../client/session/run.ts";
import type { SyncPlan } from "../../../client/sync/plan.ts";
import { createVm } from "../../../client/vm/create.ts";
import { removeVm } from "../../../client/vm/remove.ts";
import { planSize, sendWorkspace } from "../../../client/workspace/send.ts";
import type { NoteEvent } from "../../../model/event.ts";
import { dryRun } from "../../../workspace/dry-run.ts";
import type { WorkspacePlan } from "../../../workspace/types.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { createRequest } from "../../create-request.ts";
import { environmentOf } from "../../environment.ts";
import { planFor, syncInto } from "../../file-sync.ts";
import { Laps } from "../../laps.ts";
import { showDryRun } from "../../ui/dry-run.ts";
import { specFirst } from "../../ui/events.ts";
import { noticePrinter } from "../../vm-notices.ts";
import { rootWarning, running, sessionExit, sinkOf } from "../../work.ts";
import { detach, isNotStarted, keptText, noteNextSteps, type Run, userSession } from "./run-command.ts";
import { checkCommand, checkRunFlags, type RunFlags } from "./run-flags.ts";

export async function run(this: CliContext, flags: RunFlags, folder?: string): Promise<void> {
  await running(this, flags, () => planAndRun(this, flags, folder), sessionExit);
}

async function planAndRun(context: CliContext, flags: RunFlags, folder: string | undefined): Promise<number> {
  checkRunFlags(flags, folder, context.guestArgv);
  checkCommand(context.guestArgv, folder, context.isFolder);
  // invalid variables are reported before anything is created
  const env = await environmentOf(context, flags);
  requireExecutable({ argv: context.guestArgv, env });
  const plan = folder === undefined ? null : await planWorkspace(context, flags, folder);
  const sink = specFirst(sinkOf(context, flags));
  let sync: SyncPlan | null = null;
  try {
    for (const note of plan?.notes ?? []) sink.emit({ kind: "note", ...note });
    sync = await planFor(context, flags, sink.emit);
    if (!plan || !flags.dryRun)
      return await runInVm({ context, flags, env, plan, sync, sink }, requestOf(flags, plan, sync));
    if (sync) sink.emit(wouldSync(sync));
    sink.done();
    showDryRun(context, await dryRun(plan), flags);
    return Exit.Ok;
  } finally {
    sink.done();
    sync?.close();
    await plan?.dispose();
  }
}

function planWorkspace(context: CliContext, flags: RunFlags, folder: string): Promise<WorkspacePlan> {
  const { includeUntracked, branch, from, depth, withBranch: branches } = flags;
  return cancellable(context.signals, (signal) =>
    context.planWorkspace({ folder, includeUntracked, branch, branches, from, depth, signal }),
  );
}

/** With --rm the open response is the VM's hold: when it closes, for whatever reason, the VM is deleted. */
function requestOf(flags: RunFlags, plan: WorkspacePlan | null, sync: SyncPlan | null): CreateVm {
  return {
    ...createRequest(flags),
    start: true,
    wait: flags.wait ?? "services",
    ...(plan ? { workspace: planSize(plan) } : {}),
    hold: flags.rm ?? false,
    ...(sync ? { awaitsSync: true } : {}),
    ...(flags.cold ? { cold: true } : {}),
  };
}

async function runInVm(call: Run, request: CreateVm): Promise<number> {
  const { context, flags, plan, sink } = call;
  for (const note of rootWarning(context)) sink.emit(note);
  void plan?.prepare();
  const laps = new Laps(context);
  laps.end("begin");
  const created = await cancellable(context.signals, (signal) => createVm(context, request, sink.emit, signal));
  laps.end("start");
  const { name } = created.value;
  try {
    const session = await cancellable(context.signals, (signal) => openWithWorkspace(call, name, signal));
    laps.end("enter");
    try {
      sink.done();
      return await (flags.detach ? detach : userSession)(call, session, created.value);
    } finally {
      session.client.destroy();
      laps.end("command");
    }
  } catch (error) {
    if (!flags.rm && isNotStarted(error)) sink.emit({ kind: "note", level: "warn", text: keptText(name) });
    else if (!flags.rm && !isError(error, "SESSION_LOST")) noteNextSteps(call, name);
    throw error;
  } finally {
    if (flags.rm) await removeVm(context, sink.emit, name);
    created.close();
    laps.end("end");
    if (flags.json) laps.emit(sink);
  }
}

/** Opens a session with the VM and copies the user's files and the workspace. */
async function openWithWorkspace(
  { context, plan, sync, sink }: Run,
  name: string,
  signal: AbortSignal,
): Promise<VmSession> {
  const session = await openSession(context, name, noticePrinter(context), signal);
  try {
    // with a workspace the command runs as root
    if (sync) await syncInto(context, session, sync, plan ? "root" : undefined, sink.emit, signal);
    if (plan) await sendWorkspace(context, session.client, plan, sink.emit, signal);
    return session;
  } catch (error) {
    session.client.destroy();
    throw error;
  }
}

function wouldSync({ parts }: SyncPlan): NoteEvent {
  const targets = parts.map(({ base, name }) => `${base === "root" ? "/root" : "~"}/${name}`);
  return { kind: "note", level: "info", text: `file_sync would also copy ${targets.join(", ")}` };
}

/** `banger vm run`: creates a VM, copies the workspace, runs a command and returns its exit code. */
import type { CreateVm } from "../../../api/types.ts";
import { fail, isError } from "../../../base/errors/error.ts";
import { Exit } from "../../../base/exit.ts";
import { openSession, type VmSession } from "../../../client/session/open.ts";
import { requireExecutable } from "../../../client/session/run.ts";
import type { SyncPlan } from "../../../client/sync/plan.ts";
import { createVm } from "../../../client/vm/create.ts";
import { removeVm } from "../../../client/vm/remove.ts";
import { planSize, sendWorkspace } from "../../../client/workspace/send.ts";
import type { NoteEvent } from "../../../model/event.ts";
import type { VmView } from "../../../model/vm.ts";
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
import { keptForPull, pullAfterRun } from "../workspace/after-run.ts";
import { forgetSent, rememberSent } from "../workspace/remember.ts";
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
  if (flags.pull && plan?.sent === null) throw notPullable(plan);
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

function notPullable({ root }: WorkspacePlan): Error {
  return fail("WORKSPACE_REFUSED", {
    path: root,
    reason: "--pull needs a git repository, and this is not one",
    next: "leave --pull out, and copy files out with `banger vm cp`",
  });
}

/** With --rm the open response is the VM's hold: when it closes, for whatever reason, the VM is deleted. */
function requestOf(flags: RunFlags, plan: WorkspacePlan | null, sync: SyncPlan | null): CreateVm {
  return {
    ...createRequest(flags),
    start: true,
    wait: flags.wait ?? "services",
    ...(plan ? { workspace: planSize(plan) } : {}),
    // the end of a hold would delete the work of a command whose CLI was killed
    hold: (flags.rm && !flags.pull) ?? false,
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
  const { name, id } = created.value;
  let isWorkInside = false;
  try {
    const session = await cancellable(context.signals, (signal) => openWithWorkspace(call, name, signal));
    laps.end("enter");
    try {
      sink.done();
      isWorkInside = flags.pull ?? false;
      const kept = !plan?.sent ? null : rememberSent(context, plan, id, sink.emit);
      const code = await (flags.detach ? detach : userSession)(call, session, created.value);
      await kept;
      if (flags.pull) isWorkInside = !(await pullAfterRun(context, name, sink));
      return code;
    } finally {
      session.client.destroy();
      laps.end("command");
    }
  } catch (error) {
    if (isNotStarted(error)) isWorkInside = false;
    if (isWorkInside) sink.emit({ kind: "note", level: "warn", text: keptForPull(name) });
    else if (!flags.rm && isNotStarted(error)) sink.emit({ kind: "note", level: "warn", text: keptText(name) });
    else if (!flags.rm && !isError(error, "SESSION_LOST")) noteNextSteps(call, name);
    throw error;
  } finally {
    if (flags.rm && !isWorkInside) await removeWithRecord(call, created.value);
    created.close();
    laps.end("end");
    if (flags.json) laps.emit(sink);
  }
}

async function removeWithRecord({ context, plan, sink }: Run, { name, id }: VmView): Promise<void> {
  await removeVm(context, sink.emit, name);
  if (plan?.sent) await forgetSent(context, id, sink.emit);
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

/** `banger vm run`: creates a VM, copies the workspace, runs a command and returns its exit code. */
import type { CreateVm } from "../../../api/types.ts";
import { isError } from "../../../base/errors/error.ts";
import { Exit } from "../../../base/exit.ts";
import { openSession, type VmSession } from "../../../client/session/open.ts";
import { requireExecutable } from "../../../client/session/run.ts";
import { createVm } from "../../../client/vm/create.ts";
import { removeVm } from "../../../client/vm/remove.ts";
import { planSize, sendWorkspace } from "../../../client/workspace/send.ts";
import { dryRun } from "../../../workspace/dry-run.ts";
import type { WorkspacePlan } from "../../../workspace/types.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { createRequest } from "../../create-request.ts";
import { environmentOf } from "../../environment.ts";
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
  const plan = folder === undefined ? null : await planFor(context, flags, folder);
  const sink = specFirst(sinkOf(context, flags));
  try {
    for (const note of plan?.notes ?? []) sink.emit({ kind: "note", ...note });
    if (!plan || !flags.dryRun) return await runInVm({ context, flags, env, plan, sink }, requestOf(flags, plan));
    sink.done();
    showDryRun(context, await dryRun(plan), flags);
    return Exit.Ok;
  } finally {
    sink.done();
    await plan?.dispose();
  }
}

function planFor(context: CliContext, flags: RunFlags, folder: string): Promise<WorkspacePlan> {
  const { includeUntracked, branch, from, depth, withBranch: branches } = flags;
  return cancellable(context.signals, (signal) =>
    context.planWorkspace({ folder, includeUntracked, branch, branches, from, depth, signal }),
  );
}

/** With --rm the open response is the VM's hold: when it closes, for whatever reason, the VM is deleted. */
function requestOf(flags: RunFlags, plan: WorkspacePlan | null): CreateVm {
  return {
    ...createRequest(flags),
    start: true,
    wait: flags.wait ?? "services",
    ...(plan ? { workspace: planSize(plan) } : {}),
    hold: flags.rm ?? false,
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

/** Opens a session with the VM and copies the workspace. */
async function openWithWorkspace({ context, plan, sink }: Run, name: string, signal: AbortSignal): Promise<VmSession> {
  const session = await openSession(context, name, noticePrinter(context), signal);
  try {
    if (plan) await sendWorkspace(context, session.client, plan, sink.emit, signal);
    return session;
  } catch (error) {
    session.client.destroy();
    throw error;
  }
}

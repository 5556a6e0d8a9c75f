/** `banger vm run`: from nothing to a command's exit code. */
import type { CreateVm } from "../../../api/types.ts";
import { isError } from "../../../base/errors/error.ts";
import { Exit } from "../../../base/exit.ts";
import type { Work } from "../../../client/api.ts";
import type { AgentClient } from "../../../client/attach.ts";
import type { VmView } from "../../../model/vm.ts";
import { dryRun } from "../../../workspace/dry-run.ts";
import type { WorkspacePlan } from "../../../workspace/types.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import { createRequest } from "../../create-request.ts";
import { environmentOf } from "../../environment.ts";
import { sendWorkspace } from "../../guest-setup.ts";
import { type CommandWanted, commandFor, commandOf } from "../../image-command.ts";
import { Laps } from "../../laps.ts";
import { withArtifacts } from "../../obtain.ts";
import { removeVm } from "../../remove-vm.ts";
import { explainLoss, keptFor, requireExecutable, runSession, waysOn } from "../../session.ts";
import { showDryRun } from "../../ui/dry-run.ts";
import { type EventSink, specFirst } from "../../ui/events.ts";
import { printNotices } from "../../vm-notices.ts";
import { print, printJson, rootWarning, running, sessionExit, sinkOf } from "../../work.ts";
import { checkCommand, checkRunFlags, type RunFlags } from "./run-flags.ts";

/** One call of `vm run`. */
type Run = {
  context: CliContext;
  flags: RunFlags;
  /** of the session, not of the VM */
  env: Record<string, string>;
  plan: WorkspacePlan | null;
  sink: EventSink;
};

export async function run(this: CliContext, flags: RunFlags, folder?: string): Promise<void> {
  await running(this, flags, () => planAndRun(this, flags, folder), sessionExit);
}

async function planAndRun(context: CliContext, flags: RunFlags, folder: string | undefined): Promise<number> {
  checkRunFlags(flags, folder, context.guestArgv);
  checkCommand(context.guestArgv, folder, context.isFolder);
  // nonsense in it is said before anything is made
  const env = await environmentOf(context, flags);
  requireExecutable({ argv: context.guestArgv, env });
  const { includeUntracked, branch, from, depth, withBranch: branches } = flags;
  const request = folder === undefined ? null : { folder, includeUntracked, branch, branches, from, depth };
  const plan =
    request && (await cancellable(context.signals, (signal) => context.planWorkspace({ ...request, signal })));
  const sink = specFirst(sinkOf(context, flags));
  try {
    for (const note of plan?.notes ?? []) sink.emit({ kind: "note", ...note });
    if (!plan || !flags.dryRun) return await runInVm({ context, flags, env, plan, sink });
    sink.done();
    showDryRun(context, await dryRun(plan), flags);
    return Exit.Ok;
  } finally {
    sink.done();
    await plan?.dispose();
  }
}

async function runInVm(call: Run): Promise<number> {
  const { context, flags, plan, sink } = call;
  for (const note of rootWarning(context)) sink.emit(note);
  void plan?.prepare();
  const laps = new Laps(context);
  laps.end("begin");
  const started = await startVm(call);
  laps.end("start");
  const { name } = started.value;
  try {
    const client = await cancellable(context.signals, (signal) => enter(call, name, signal));
    laps.end("enter");
    try {
      sink.done();
      return await (flags.detach ? detach(call, client, started.value) : session(call, client, started.value));
    } finally {
      client.destroy();
      laps.end("command");
    }
  } catch (error) {
    if (!flags.rm && neverRan(error)) sink.emit({ kind: "note", level: "warn", text: keptFor(name) });
    else if (!flags.rm && !isError(error, "SESSION_LOST")) tellWaysOn(call, name);
    throw error;
  } finally {
    if (flags.rm) await removeVm(context, sink.emit, name);
    started.close();
    laps.end("end");
    if (flags.json) laps.tell(sink);
  }
}

const blockBytes = 4096;

/** As it is on the guest's disk. */
function sizeOf({ entries }: WorkspacePlan): NonNullable<CreateVm["workspace"]> {
  const blocks = entries.reduce(
    (sum, { kind, size }) => sum + (kind === "link" ? 0 : Math.max(1, Math.ceil(size / blockBytes))),
    0,
  );
  return { bytes: blocks * blockBytes, entries: entries.length };
}

/** With --rm the open answer is the VM's hold: when it closes, for whatever reason, the VM is deleted. */
function startVm({ context, flags, plan, sink }: Run): Promise<Work<VmView>> {
  const body: CreateVm = {
    ...createRequest(flags),
    start: true,
    wait: flags.wait ?? "services",
    ...(plan ? { workspace: sizeOf(plan) } : {}),
    hold: flags.rm ?? false,
    ...(flags.cold ? { cold: true } : {}),
  };
  return cancellable(context.signals, (signal) =>
    withArtifacts(context, sink.emit, signal, () => context.api.work("createVm", { body }, sink.emit, signal)),
  );
}

/** A session with the VM, and the workspace in it. */
async function enter({ context, plan, sink }: Run, name: string, signal: AbortSignal): Promise<AgentClient> {
  const client = await context.api.agent(name, signal);
  printNotices(context, name, client);
  try {
    if (plan) await sendWorkspace(context, client, plan, sink.emit, signal);
    return client;
  } catch (error) {
    client.destroy();
    throw error;
  }
}

/** @param shellsLeft how often a shell that is lost with the daemon may be reopened */
async function session(call: Run, client: AgentClient, vm: VmView, shellsLeft = 5): Promise<number> {
  const { context, flags, env, plan } = call;
  const { name } = vm;
  const command = await commandFor(context, vm, wantedOf(call));
  const request = { ...command, env, ...placeOf(plan), tty: flags.tty, noStdin: flags.noStdin };
  const end = await runSession(context, { name, client }, request);
  if (end.kind !== "lost") {
    if (!flags.rm) tellWaysOn(call, name);
    return end.code;
  }
  const loss = await explainLoss(context, name, end.error);
  const { stdinIsTerminal, stdoutIsTerminal } = context.stdio;
  const isAtShell = command.argv === null && stdinIsTerminal && stdoutIsTerminal;
  if (flags.rm && loss.isRunning && isAtShell && shellsLeft > 0)
    return shellAgain(call, vm, loss.reason, shellsLeft - 1);
  if (loss.isRunning && !flags.rm) tellWaysOn(call, name);
  throw loss.error(flags.rm ? "the VM is deleted, as --rm asks; without it the VM is kept" : undefined);
}

/** The daemon ended, and the VM did not: it lives as long as this command, which ends only when its user says so. */
async function shellAgain(call: Run, vm: VmView, reason: string, shellsLeft: number): Promise<number> {
  const { context, sink } = call;
  const client = await cancellable(context.signals, (signal) => context.api.agent(vm.name, signal));
  try {
    printNotices(context, vm.name, client);
    const text = `the shell was lost (${reason}): this is a new one in the same VM`;
    sink.emit({ kind: "note", level: "warn", text });
    return await session(call, client, vm, shellsLeft);
  } finally {
    client.destroy();
  }
}

function wantedOf({ context, flags }: Run): CommandWanted {
  return { argv: context.guestArgv, entrypoint: flags.entrypoint, init: flags.init };
}

/** A workspace is root's, whatever user the image names. */
function placeOf(plan: WorkspacePlan | null): { cwd?: string; user?: string } {
  return plan ? { cwd: plan.guestCwd, user: "root" } : {};
}

const detachedLog = "/root/.cache/banger/run.log";

async function detach(call: Run, client: AgentClient, vm: VmView): Promise<number> {
  const { context, flags, env, plan, sink } = call;
  // a shell has nothing to do without a session
  const command = await (flags.init ? commandFor : commandOf)(context, vm, wantedOf(call));
  if (command?.argv) {
    const { argv, pid1 = false } = command;
    await client.open("exec", { argv: [...argv], pid1, env, ...placeOf(plan), detach: { log: detachedLog } });
    sink.emit({ kind: "note", level: "info", text: `the command's output goes to ${detachedLog} in the guest` });
  }
  if (flags.json) printJson(context, vm);
  else print(context, `${vm.name}\n`);
  tellWaysOn(call, vm.name);
  return Exit.Ok;
}

function neverRan(error: unknown): boolean {
  return isError(error, "COMMAND_NOT_FOUND") || isError(error, "COMMAND_NOT_EXECUTABLE");
}

function tellWaysOn({ sink }: Run, name: string): void {
  sink.emit({ kind: "note", level: "info", text: waysOn(name) });
}

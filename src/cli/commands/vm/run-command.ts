/** The command or shell of `vm run` once its VM is running: with the user's terminal, or detached. */
import { fail, isError } from "../../../base/errors/error.ts";
import { Exit } from "../../../base/exit.ts";
import { type Command, type CommandWanted, commandOf } from "../../../client/session/image-command.ts";
import { explainLoss } from "../../../client/session/loss.ts";
import { openSession, type VmSession } from "../../../client/session/open.ts";
import { runSession } from "../../../client/session/run.ts";
import type { SyncPlan } from "../../../client/sync/plan.ts";
import type { VmView } from "../../../model/vm.ts";
import type { WorkspacePlan } from "../../../workspace/types.ts";
import { cancellable } from "../../abort.ts";
import type { CliContext } from "../../context.ts";
import type { EventSink } from "../../ui/events.ts";
import { print, printJson } from "../../work.ts";
import type { RunFlags } from "./run-flags.ts";

/** One call of `vm run`. */
export type Run = {
  context: CliContext;
  flags: RunFlags;
  /** variables of the session, not of the VM */
  env: Record<string, string>;
  plan: WorkspacePlan | null;
  /** the user's files */
  sync: SyncPlan | null;
  sink: EventSink;
};

/** @param shellsLeft how often a shell that was lost with the daemon can be reopened @returns the exit code */
export async function userSession(call: Run, session: VmSession, vm: VmView, shellsLeft = 5): Promise<number> {
  const { context, flags, env, plan } = call;
  const { name } = vm;
  const command = await requireCommand(call, vm);
  const request = { ...command, env, ...placeOf(plan), tty: flags.tty, noStdin: flags.noStdin };
  const end = await runSession(context, session, request);
  if (end.kind !== "lost") {
    if (!flags.rm) noteNextSteps(call, name);
    return end.code;
  }
  const loss = await explainLoss(context, name, end.error);
  const { stdinIsTerminal, stdoutIsTerminal } = context.stdio;
  const isAtShell = command.argv === null && stdinIsTerminal && stdoutIsTerminal;
  if (flags.rm && loss.isRunning && isAtShell && shellsLeft > 0)
    return shellAgain(call, session, vm, { reason: loss.reason, shellsLeft: shellsLeft - 1 });
  if (loss.isRunning && !flags.rm) noteNextSteps(call, name);
  throw loss.error(flags.rm && !flags.pull ? "the VM is deleted, as --rm asks; without it the VM is kept" : undefined);
}

/** Opens a new shell when the daemon ended and the VM did not: the VM lives as long as this command, which the user has not ended. */
async function shellAgain(
  call: Run,
  { name, onNotice }: VmSession,
  vm: VmView,
  { reason, shellsLeft }: { reason: string; shellsLeft: number },
): Promise<number> {
  const { context, sink } = call;
  const session = await cancellable(context.signals, (signal) => openSession(context, name, onNotice, signal));
  try {
    const text = `the shell was lost (${reason}): this is a new one in the same VM`;
    sink.emit({ kind: "note", level: "warn", text });
    return await userSession(call, session, vm, shellsLeft);
  } finally {
    session.client.destroy();
  }
}

const detachedLog = "/root/.cache/banger/run.log";

/** Starts the command in the background. @returns the exit code */
export async function detach(call: Run, { client }: VmSession, vm: VmView): Promise<number> {
  const { context, flags, env, plan, sink } = call;
  // without a session there is no use for a shell
  const command = await (flags.init ? requireCommand(call, vm) : commandOf(context, vm, wantedOf(call)));
  if (command?.argv) {
    const { argv, pid1 = false } = command;
    await client.open("exec", { argv: [...argv], pid1, env, ...placeOf(plan), detach: { log: detachedLog } });
    sink.emit({ kind: "note", level: "info", text: `the command's output goes to ${detachedLog} in the guest` });
  }
  if (flags.json) printJson(context, vm);
  else print(context, `${vm.name}\n`);
  noteNextSteps(call, vm.name);
  return Exit.Ok;
}

/** @throws USAGE when the image has nothing to run: no command of its own and, without `--init`, no shell */
async function requireCommand(call: Run, vm: VmView): Promise<Command> {
  const wanted = wantedOf(call);
  const command = await commandOf(call.context, vm, wanted);
  if (command !== null) return command;
  throw fail("USAGE", {
    problem: `image "${vm.spec.image.name}" has ${wanted.init ? "no" : "neither a shell nor a"} command of its own`,
    next: `name a command, as in \`banger vm run${wanted.init ? " --init" : ""} --image IMAGE -- /program\``,
  });
}

function wantedOf({ context, flags }: Run): CommandWanted {
  return { argv: context.guestArgv, entrypoint: flags.entrypoint, init: flags.init };
}

/** A workspace belongs to root, whatever user the image names. */
function placeOf(plan: WorkspacePlan | null): { cwd?: string; user?: string } {
  return plan ? { cwd: plan.guestCwd, user: "root" } : {};
}

/** Whether the guest could not start the command. */
export function isNotStarted(error: unknown): boolean {
  return isError(error, "COMMAND_NOT_FOUND") || isError(error, "COMMAND_NOT_EXECUTABLE");
}

/** Notes how to return to a VM, stop it or remove it. */
export function noteNextSteps({ sink }: Run, name: string): void {
  const text = `VM "${name}" is running: return with \`banger vm ssh ${name}\`, stop it with \`banger vm stop ${name}\`, remove it with \`banger vm delete ${name}\``;
  sink.emit({ kind: "note", level: "info", text });
}

/** For a new VM whose command could not be started: without `--rm` it is kept, as docker does. */
export function keptText(name: string): string {
  return `the command did not run, and VM "${name}" is kept and running: try another with \`banger vm exec ${name} -- COMMAND\`, or remove it with \`banger vm delete ${name}\` (with --rm it is removed automatically)`;
}

/** `banger vm run`: from nothing to a command's exit code. */

import type { CreateVm } from "../../api/types.ts";
import { BangerError, fail } from "../../base/errors/error.ts";
import { Exit } from "../../base/exit.ts";
import type { Work } from "../../client/api.ts";
import type { AgentClient } from "../../client/attach.ts";
import type { Emit } from "../../model/event.ts";
import type { VmView, WaitKind } from "../../model/vm.ts";
import { dryRun } from "../../workspace/dry-run.ts";
import type { WorkspacePlan } from "../../workspace/types.ts";
import { cancellable, Interrupted } from "../abort.ts";
import type { CliContext } from "../context.ts";
import { envOf } from "../flags.ts";
import { sendWorkspace } from "../guest-setup.ts";
import { withArtifacts } from "../obtain.ts";
import { lossReason, runSession, waysOn } from "../session.ts";
import { showDryRun } from "../ui/dry-run.ts";
import type { EventSink } from "../ui/events.ts";
import { running, sinkOf, warnRoot } from "../work.ts";
import type { CreateFlags } from "./create-flags.ts";
import { createRequest } from "./create-flags.ts";

export type RunFlags = CreateFlags & {
  rm?: boolean;
  wait?: WaitKind;
  detach?: boolean;
  includeUntracked?: boolean;
  dryRun?: boolean;
  branch?: string;
  from?: string;
  depth?: number;
  tty?: boolean;
};

export async function run(this: CliContext, flags: RunFlags, folder?: string): Promise<void> {
  // a failure of banger's own must not look like the guest command's
  const exitOf = (exit: number) =>
    exit === Exit.Usage || exit === Exit.CommandNotFound || exit === Exit.NotExecutable ? exit : Exit.Run;
  await running(this, flags, () => runVm(this, flags, folder).catch(interruptedCode), exitOf);
}

function interruptedCode(error: unknown): number {
  if (error instanceof Interrupted) return error.code;
  throw error;
}

async function runVm(context: CliContext, flags: RunFlags, folder?: string): Promise<number> {
  checkFlags(context, flags, folder);
  const sink = sinkOf(context, flags);
  const plan = folder === undefined ? null : await planFor(context, flags, folder);
  try {
    for (const note of plan?.notes ?? []) sink.emit({ kind: "note", ...note });
    if (plan && flags.dryRun) {
      showDryRun(context, await dryRun(plan), flags);
      return Exit.Ok;
    }
    plan?.prepare();
    warnRoot(context, sink);
    return await runIn(context, flags, plan, sink);
  } finally {
    sink.done();
    await plan?.dispose();
  }
}

function checkFlags(context: CliContext, flags: RunFlags, folder: string | undefined): void {
  const argv = context.guestArgv;
  if (argv !== null && argv.length === 0)
    throw usage("there is no command after --", "leave -- out for a shell, or name a command, as in `-- make test`");
  if (flags.detach && flags.rm)
    throw usage(
      "--detach and --rm exclude each other",
      "a detached VM has no session that could end; remove it later with `banger vm delete NAME`",
    );
  if (folder !== undefined) return;
  const only = {
    "--include-untracked": flags.includeUntracked,
    "--dry-run": flags.dryRun,
    "--branch": flags.branch,
    "--from": flags.from,
    "--depth": flags.depth,
  };
  const wrong = Object.entries(only).find(([, value]) => value !== undefined && value !== false)?.[0];
  if (wrong)
    throw usage(
      `${wrong} is about a workspace, and none was named`,
      `name a folder, as in \`banger vm run ./repo ${wrong}${wrong === "--branch" ? " NAME" : wrong === "--from" ? " REF" : ""}\``,
    );
}

function usage(problem: string, next: string): Error {
  return fail("USAGE", { problem, next });
}

function planFor(context: CliContext, flags: RunFlags, folder: string): Promise<WorkspacePlan> {
  const { includeUntracked, branch, from, depth } = flags;
  return context.planWorkspace({ folder, includeUntracked, branch, from, depth });
}

async function runIn(
  context: CliContext,
  flags: RunFlags,
  plan: WorkspacePlan | null,
  sink: EventSink,
): Promise<number> {
  const ephemeral = flags.rm ?? false;
  const work = await cancellable(context.signals, (signal) => startVm(context, flags, ephemeral, sink.emit, signal));
  const { name } = work.value;
  try {
    const client = await context.api.agent(name);
    try {
      if (plan) await cancellable(context.signals, () => sendWorkspace(context, client, plan, sink.emit));
      sink.done();
      return await (flags.detach
        ? detach(context, client, flags, { plan, name })
        : session(context, client, flags, { plan, name, ephemeral }));
    } finally {
      client.destroy();
    }
  } catch (error) {
    if (!ephemeral) context.process.stderr.write(waysOn(name));
    throw error;
  } finally {
    if (ephemeral) await remove(context, name);
    work.close();
  }
}

async function startVm(
  context: CliContext,
  flags: RunFlags,
  lease: boolean,
  emit: Emit,
  signal: AbortSignal,
): Promise<Work<VmView>> {
  const { env: _session, ...spec } = createRequest(context, flags);
  const request: CreateVm = { ...spec, start: true, wait: flags.wait ?? "services", lease };
  return withArtifacts(context, emit, signal, () => context.api.work<VmView>("POST", "/v1/vms", request, emit, signal));
}

type Place = { plan: WorkspacePlan | null; name: string };

async function session(
  context: CliContext,
  client: AgentClient,
  flags: RunFlags,
  place: Place & { ephemeral: boolean },
): Promise<number> {
  const argv = context.guestArgv;
  const end = await runSession(context, client, {
    argv,
    env: envOf(flags.env, context.env),
    cwd: place.plan?.guestCwd,
    tty: flags.tty,
  });
  if (end.kind === "lost") {
    const error = fail("SESSION_LOST", { name: place.name, reason: lossReason(end.error) }, end.error);
    throw error;
  }
  if (!place.ephemeral) context.process.stderr.write(waysOn(place.name));
  return end.code;
}

const detachedLog = "/root/.cache/banger/run.log";

async function detach(context: CliContext, client: AgentClient, flags: RunFlags, place: Place): Promise<number> {
  if (context.guestArgv !== null) {
    const cwd = place.plan?.guestCwd;
    const env = envOf(flags.env, context.env);
    await client.open("exec", {
      argv: [...context.guestArgv],
      env,
      ...(cwd ? { cwd } : {}),
      detach: { log: detachedLog },
    });
    context.process.stderr.write(`the command's output goes to ${detachedLog} in the guest\n`);
  }
  context.process.stdout.write(`${place.name}\n`);
  context.process.stderr.write(waysOn(place.name));
  return Exit.Ok;
}

/** The lease's end would do it too; asking means that it is gone when we return. */
async function remove(context: CliContext, name: string): Promise<void> {
  try {
    await context.api.json("DELETE", `/v1/vms/${encodeURIComponent(name)}`);
  } catch (error) {
    if (!(error instanceof BangerError) || error.code !== "VM_NOT_FOUND") {
      context.process.stderr.write(`warning: VM "${name}" could not be deleted: ${(error as Error).message}\n`);
    }
  }
}

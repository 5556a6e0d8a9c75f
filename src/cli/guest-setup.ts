/** Putting a workspace into a running VM: the files, then what is left to do there. */
import { fail } from "../base/errors/error.ts";
import { integerOf, textOf } from "../base/foreign.ts";
import { quoteArgs } from "../base/text.ts";
import type { AgentClient } from "../client/attach.ts";
import type { Emit } from "../model/event.ts";
import type { AfterCommand, WorkspacePlan } from "../workspace/types.ts";
import type { CliContext } from "./context.ts";
import { putTar } from "./put-tar.ts";

/** The signal drops the whole session. @throws WORKSPACE_COPY, the signal's reason */
export async function sendWorkspace(
  context: CliContext,
  client: AgentClient,
  plan: WorkspacePlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const drop = () => client.destroy();
  signal.addEventListener("abort", drop, { once: true });
  try {
    signal.throwIfAborted();
    await copyIn(context, client, plan, emit);
    for (const command of plan.after) await runAfter(client, command);
    await startTooling(client, plan, emit);
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", drop);
  }
}

async function copyIn(context: CliContext, client: AgentClient, plan: WorkspacePlan, emit: Emit): Promise<void> {
  const total = plan.totals.bytes;
  const text = `copying ${plan.name} into the VM`;
  emit({ kind: "progress", step: "workspace", text });
  const stream = await client.open("put", { path: plan.guestPath, create: true, uid: 0, gid: 0 });
  const tar = context.workspaceTar(plan, {
    onProgress: (done) => emit({ kind: "progress", step: "workspace", text, done, total }),
    onVanished: (path) => emit({ kind: "note", level: "warn", text: `${path} vanished while it was copied` }),
  });
  await putTar(stream, tar, plan.root);
}

const lastWordsBytes = 2000;

async function runAfter(client: AgentClient, command: AfterCommand): Promise<void> {
  const stream = await client.open("exec", { argv: command.argv, cwd: command.cwd, user: "root" });
  stream.eof(0);
  let said = "";
  let status: unknown = "no status";
  stream.onData((_channel, data) => {
    said = (said + Buffer.from(data).toString("utf8")).slice(-lastWordsBytes);
  });
  stream.onEvent((event) => {
    if (event["event"] === "exit")
      status = integerOf(event["code"], 0, 255) ?? textOf(event["signal"], 16) ?? "no status";
  });
  await stream.closed;
  if (status === 0) return;
  const last = said.trim().split("\n").at(-1) ?? "";
  throw fail("WORKSPACE_COPY", {
    path: command.cwd,
    problem: `could not ${command.what}: ${quoteArgs(command.argv)} ended with ${status}: ${last}`,
  });
}

/** Best effort: a failure is a note. */
async function startTooling(client: AgentClient, { tooling }: WorkspacePlan, emit: Emit): Promise<void> {
  if (!tooling) return;
  try {
    const { argv, cwd, env, log } = tooling;
    await client.open("exec", { argv, cwd, env, user: "root", detach: { log } });
    emit({ kind: "note", level: "info", text: `installing the project's tools in the background; log: ${log}` });
  } catch (error) {
    emit({ kind: "note", level: "warn", text: `could not ${tooling.what}: ${(error as Error).message}` });
  }
}

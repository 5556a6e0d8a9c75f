/** Putting a workspace into a running VM: the files, then what is left to do there. */
import { fail } from "../base/errors/error.ts";
import { quoteArgs } from "../base/text.ts";
import type { AgentClient, AgentStream, Json } from "../client/attach.ts";
import type { Emit } from "../model/event.ts";
import type { AfterCommand, WorkspacePlan } from "../workspace/types.ts";
import type { CliContext } from "./context.ts";

/** @throws WORKSPACE_COPY */
export async function sendWorkspace(
  context: CliContext,
  client: AgentClient,
  plan: WorkspacePlan,
  emit: Emit,
): Promise<void> {
  const total = plan.totals.bytes;
  const text = `copying ${plan.name} into the VM`;
  const onProgress = (done: number) => emit({ kind: "progress", step: "workspace", text, done, total });
  const onVanished = (path: string) =>
    emit({ kind: "note", level: "warn", text: `${path} vanished while it was copied` });
  emit({ kind: "progress", step: "workspace", text });
  const stream = await client.open("put", { path: plan.guestPath, create: true, uid: 0, gid: 0 });
  await putTar(stream, context.workspaceTar(plan, { onProgress, onVanished }), plan.root);
  for (const command of plan.after) await runAfter(client, command);
  if (plan.tooling) await startTooling(client, plan, emit);
}

async function putTar(stream: AgentStream, tar: AsyncIterable<Uint8Array>, path: string): Promise<void> {
  let over = false;
  const ended = stream.closed.finally(() => {
    over = true;
  });
  ended.catch(() => {});
  let done = false;
  stream.onEvent((event: Json) => {
    done ||= event["event"] === "done";
  });
  try {
    for await (const chunk of tar) {
      if (over) break;
      await stream.write(0, chunk);
    }
  } catch (error) {
    stream.close();
    throw error;
  }
  stream.eof(0);
  await ended.catch((error: Error) => {
    throw fail("WORKSPACE_COPY", { path, problem: error.message }, error);
  });
  if (!done) throw fail("WORKSPACE_COPY", { path, problem: "the guest stopped taking it" });
}

async function runAfter(client: AgentClient, command: AfterCommand): Promise<void> {
  const stream = await client.open("exec", { argv: command.argv, cwd: command.cwd });
  stream.eof(0);
  let said = "";
  let code: unknown = null;
  stream.onData((_channel, data) => {
    said = (said + new TextDecoder().decode(data)).slice(-2000);
  });
  stream.onEvent((event) => {
    if (event["event"] === "exit") code = event["code"] ?? event["signal"];
  });
  await stream.closed;
  if (code === 0) return;
  const last = said.trim().split("\n").at(-1) ?? "";
  throw fail("WORKSPACE_COPY", {
    path: command.cwd,
    problem: `could not ${command.what}: ${quoteArgs(command.argv)} ended with ${code}: ${last}`,
  });
}

/** Best effort: a failure is a note. */
async function startTooling(client: AgentClient, plan: WorkspacePlan, emit: Emit): Promise<void> {
  const { tooling } = plan;
  if (!tooling) return;
  try {
    const { argv, cwd, env, log } = tooling;
    await client.open("exec", { argv, cwd, env, detach: { log } });
    emit({ kind: "note", level: "info", text: `installing the project's tools in the background; log: ${log}` });
  } catch (error) {
    emit({ kind: "note", level: "warn", text: `could not ${tooling.what}: ${(error as Error).message}` });
  }
}

/** Copies a workspace into a running VM, then runs what the plan wants to run there. */
import type { CreateVm } from "../../api/types.ts";
import { fail } from "../../base/errors/error.ts";
import { quoteArgs } from "../../base/text.ts";
import { integerOf, textOf } from "../../base/untrusted-json.ts";
import type { Emit } from "../../model/event.ts";
import type { AgentClient } from "../../wire/agent/types.ts";
import type { AfterCommand, WorkspacePlan } from "../../workspace/types.ts";
import type { WorkspacePacker } from "../dependencies.ts";
import { putTar } from "./put-tar.ts";

const blockBytes = 4096;

/** The space that a plan's files take on the guest's disk. */
export function planSize({ entries }: Pick<WorkspacePlan, "entries">): NonNullable<CreateVm["workspace"]> {
  const blocks = entries.reduce(
    (sum, { kind, size }) => sum + (kind === "link" ? 0 : Math.max(1, Math.ceil(size / blockBytes))),
    0,
  );
  return { bytes: blocks * blockBytes, entries: entries.length };
}

/** The signal ends the whole session. @throws WORKSPACE_COPY, the signal's reason */
export async function sendWorkspace(
  packer: WorkspacePacker,
  client: AgentClient,
  plan: WorkspacePlan,
  emit: Emit,
  signal: AbortSignal,
): Promise<void> {
  const drop = () => client.destroy();
  signal.addEventListener("abort", drop, { once: true });
  try {
    signal.throwIfAborted();
    await copyIn(packer, client, plan, emit);
    for (const command of plan.after) await runAfter(client, command);
    await startTooling(client, plan, emit);
    signal.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", drop);
  }
}

async function copyIn(packer: WorkspacePacker, client: AgentClient, plan: WorkspacePlan, emit: Emit): Promise<void> {
  const total = plan.totals.bytes;
  const text = `copying ${plan.name} into the VM`;
  emit({ kind: "progress", step: "workspace", text });
  const stream = await client.open("put", { path: plan.guestPath, create: true, uid: 0, gid: 0 });
  const tar = packer.workspaceTar(plan, {
    onProgress: (done) => emit({ kind: "progress", step: "workspace", text, done, total }),
    onVanished: (path) => emit({ kind: "note", level: "warn", text: `${path} vanished while it was copied` }),
  });
  await putTar(stream, tar, plan.root);
}

/** characters kept of a command's output, whose last line is quoted if it fails */
const keptOutput = 2000;

async function runAfter(client: AgentClient, command: AfterCommand): Promise<void> {
  const stream = await client.open("exec", { argv: command.argv, cwd: command.cwd, user: "root" });
  stream.eof(0);
  let output = "";
  let status: unknown = "no status";
  stream.onData((_channel, data) => {
    output = (output + Buffer.from(data).toString("utf8")).slice(-keptOutput);
  });
  stream.onEvent((event) => {
    if (event["event"] === "exit")
      status = integerOf(event["code"], 0, 255) ?? textOf(event["signal"], 16) ?? "no status";
  });
  await stream.closed;
  if (status === 0) return;
  const last = output.trim().split("\n").at(-1) ?? "";
  throw fail("WORKSPACE_COPY", {
    path: command.cwd,
    problem: `could not ${command.what}: ${quoteArgs(command.argv)} ended with ${status}: ${last}`,
  });
}

/** A failure is a note: the VM is useful without the tools. */
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

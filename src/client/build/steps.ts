/** Commands of a build in its VM: run as root in `/`, their words handed on line by line. */
import { fail, isError } from "../../base/errors/error.ts";
import { integerOf, textOf } from "../../base/foreign.ts";
import type { ImageName } from "../../base/names.ts";
import type { Emit } from "../../model/event.ts";
import type { AgentClient, AgentStream, Json } from "../../wire/agent/types.ts";
import type { DaemonAccess, WorkspacePacker } from "../dependencies.ts";
import { explainLoss } from "../session/loss.ts";
import { Lines } from "./lines.ts";

/** A build's VM, and what it is for. */
export type BuildVm = {
  needs: Pick<DaemonAccess, "api"> & WorkspacePacker;
  client: AgentClient;
  /** the VM's */
  vm: string;
  image: ImageName;
  /** how many steps there are */
  of: number;
  emit: Emit;
};

export type Step = { number: number; title: string };
export type Command = { argv: readonly string[]; env: Record<string, string> };

const keptLines = 20;

/** Runs it to its end. @throws IMAGE_BUILD_FAILED unless it ends with 0 */
export async function runCommand(build: BuildVm, step: Step, { argv, env }: Command): Promise<void> {
  const last: string[] = [];
  const said = (text: string) => {
    build.emit({ kind: "log", step: step.number, text });
    if (text.trim() !== "" && last.push(text) > keptLines) last.shift();
  };
  const stream = await start(build, step, { argv, env });
  const status = await orLost(build, step, ended(stream, said));
  if (status === "0") return;
  const how = /^\d/.test(status) ? `ended with status ${status}` : `was ended by ${status}`;
  const words = last.at(-1)?.trim().slice(0, 300);
  throw failedStep(build, step, `${how}${words ? `: ${words}` : ""}`, { status, lines: last });
}

/** Whether the program is there and ends well; what it says goes nowhere. */
export async function endsWell(build: BuildVm, step: Step, argv: readonly string[]): Promise<boolean> {
  try {
    const stream = await build.client.open("exec", { argv: [...argv], cwd: "/", user: "root" });
    return (await orLost(build, step, ended(stream, silent))) === "0";
  } catch (error) {
    if (isError(error, "COMMAND_NOT_FOUND") || isError(error, "COMMAND_NOT_EXECUTABLE")) return false;
    throw error;
  }
}

const silent = () => {};

type Known = { status?: string; lines?: readonly string[]; next?: string };

/** @param reason as in "step 1 of 2 (make) …" */
export function failedStep(build: BuildVm, { number, title }: Step, reason: string, known: Known = {}): Error {
  const { next = "nothing was kept: change that step, and run the same command again" } = known;
  const text = `step ${number} of ${build.of} (${title}) ${reason}`;
  return fail("IMAGE_BUILD_FAILED", { name: build.image, reason: text, step: number, command: title, ...known, next });
}

async function start(build: BuildVm, step: Step, { argv, env }: Command): Promise<AgentStream> {
  try {
    return await build.client.open("exec", { argv: [...argv], env, cwd: "/", user: "root" });
  } catch (error) {
    const program = argv[0] ?? "";
    const isShell = program === "sh";
    const next = isShell
      ? 'write it as a list of words, as in `["/bin/tool", "arg"]`, which needs no shell'
      : undefined;
    const more = next === undefined ? {} : { next };
    if (isError(error, "COMMAND_NOT_FOUND"))
      throw failedStep(build, step, `needs "${program}", which the base does not have`, { status: "127", ...more });
    if (isError(error, "COMMAND_NOT_EXECUTABLE"))
      throw failedStep(build, step, `needs "${program}", which can't be run in the base`, { status: "126", ...more });
    throw await lossOf(build, step, error);
  }
}

async function orLost<T>(build: BuildVm, step: Step, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw await lossOf(build, step, error);
  }
}

/** A guest that went away in the middle has a reason. */
async function lossOf(build: BuildVm, step: Step, error: unknown): Promise<unknown> {
  if (!isError(error, "SESSION_LOST")) return error;
  const { reason } = await explainLoss(build.needs, build.vm, error);
  const next = "nothing was kept; run the same command again";
  return failedStep(build, step, `lost its VM: ${reason}`, { next });
}

/** @returns its status as text, or the signal's name */
async function ended(stream: AgentStream, said: (line: string) => void): Promise<string> {
  const lines = { 1: new Lines(said), 2: new Lines(said) };
  let exit: Json = {};
  stream.onEvent((event) => {
    if (event["event"] === "exit") exit = event;
  });
  stream.onData((channel, data) => lines[channel === 2 ? 2 : 1].push(data));
  stream.eof(0);
  await stream.closed;
  lines[1].finish();
  lines[2].finish();
  const code = integerOf(exit["code"], 0, 255);
  if (code !== null) return String(code);
  const signal = textOf(exit["signal"], 16);
  return signal === null ? "no status" : `SIG${signal}`;
}

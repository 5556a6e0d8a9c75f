/** Runs the commands of a build in its VM, as root in `/`, and reports their output line by line. */
import { fail, isError } from "../../base/errors/error.ts";
import type { ImageName } from "../../base/names.ts";
import { integerOf, textOf } from "../../base/untrusted-json.ts";
import type { Emit } from "../../model/event.ts";
import type { AgentClient, AgentStream, Json } from "../../wire/agent/types.ts";
import type { DaemonAccess, WorkspacePacker } from "../dependencies.ts";
import { explainLoss } from "../session/loss.ts";
import { Lines } from "./lines.ts";

/** A VM that an image is built in. */
export type BuildVm = {
  needs: Pick<DaemonAccess, "api"> & WorkspacePacker;
  client: AgentClient;
  /** name of the VM */
  vm: string;
  image: ImageName;
  /** number of steps */
  of: number;
  emit: Emit;
};

export type Step = { number: number; title: string };
export type Command = { argv: readonly string[]; env: Record<string, string> };

const keptLines = 20;

/** Runs a command to its end. @throws IMAGE_BUILD_FAILED unless it exits with 0 */
export async function runCommand(build: BuildVm, step: Step, { argv, env }: Command): Promise<void> {
  const last: string[] = [];
  const onLine = (text: string) => {
    build.emit({ kind: "log", step: step.number, text });
    if (text.trim() !== "" && last.push(text) > keptLines) last.shift();
  };
  const stream = await start(build, step, { argv, env });
  const status = await orLost(build, step, ended(stream, onLine));
  if (status === "0") return;
  const how = /^\d/.test(status) ? `ended with status ${status}` : `was ended by ${status}`;
  const lastLine = last.at(-1)?.trim().slice(0, 300);
  throw failedStep(build, step, `${how}${lastLine ? `: ${lastLine}` : ""}`, { status, lines: last });
}

/** Whether the program exists and exits with 0. Its output is dropped. */
export async function succeeds(build: BuildVm, step: Step, argv: readonly string[]): Promise<boolean> {
  try {
    const stream = await build.client.open("exec", { argv: [...argv], cwd: "/", user: "root" });
    return (await orLost(build, step, ended(stream, ignore))) === "0";
  } catch (error) {
    if (isError(error, "COMMAND_NOT_FOUND") || isError(error, "COMMAND_NOT_EXECUTABLE")) return false;
    throw error;
  }
}

const ignore = () => {};

type Known = { status?: string; lines?: readonly string[]; next?: string };

/** @param reason continues "step 1 of 2 (make)" */
export function failedStep(build: BuildVm, { number, title }: Step, reason: string, known: Known = {}): Error {
  const { next = "nothing was kept: change that step and run the same command again" } = known;
  const text = `step ${number} of ${build.of} (${title}) ${reason}`;
  return fail("IMAGE_BUILD_FAILED", { name: build.image, reason: text, step: number, command: title, ...known, next });
}

async function start(build: BuildVm, step: Step, { argv, env }: Command): Promise<AgentStream> {
  try {
    return await build.client.open("exec", { argv: [...argv], env, cwd: "/", user: "root" });
  } catch (error) {
    const program = argv[0] ?? "";
    const isShell = program === "sh";
    const next = isShell ? 'write it as a list, such as `["/bin/tool", "arg"]`, which needs no shell' : undefined;
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

/** Adds the reason if the VM was lost. */
async function lossOf(build: BuildVm, step: Step, error: unknown): Promise<unknown> {
  if (!isError(error, "SESSION_LOST")) return error;
  const { reason } = await explainLoss(build.needs, build.vm, error);
  const next = "nothing was kept; run the same command again";
  return failedStep(build, step, `lost its VM: ${reason}`, { next });
}

/** @returns the exit status as text, or the name of the signal */
async function ended(stream: AgentStream, onLine: (line: string) => void): Promise<string> {
  const lines = { 1: new Lines(onLine), 2: new Lines(onLine) };
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

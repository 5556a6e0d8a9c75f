/** Whether an installed program can be run; for `banger doctor`. */
import { statSync } from "node:fs";
import { type BangerError, toBangerError } from "../../base/errors/error.ts";
import { stripControl } from "../../base/untrusted-text.ts";
import { errnoOf } from "../errno.ts";
import type { Exec, ExecResult } from "./exec.ts";

/** How an attempt to run it ended; `errno` if it could not be started. */
export type Attempt = Pick<ExecResult, "exitCode" | "signal" | "stdout" | "stderr"> | { errno: string };

/** `said`: the first line of its output; `failure`: why it can't be used, as the end of a sentence, null: it can. */
export type Answer = { said: string; failure: string | null };

/** Runs it with arguments that make it only print something. */
export async function askProgram(exec: Exec, argv: readonly string[]): Promise<Answer> {
  try {
    const ended = await exec(argv, { timeoutMs: 10_000, maxBytes: 64 * 1024 });
    return { said: firstLine(ended.stdout), failure: programFailure(ended) };
  } catch (thrown) {
    return { said: "", failure: notRun(toBangerError(thrown)) };
  }
}

function notRun(error: BangerError): string {
  const errno = errnoOf(error.cause);
  if (errno) return programFailure({ errno }) ?? "";
  return error.code === "TOOL_FAILED" ? `ends with ${error.details["status"]}` : `fails: ${error.message}`;
}

/** Pure. For the errors of a start see execve(2). */
export function programFailure(attempt: Attempt): string | null {
  if ("errno" in attempt) return starts[attempt.errno] ?? `can't be started (${attempt.errno})`;
  const { exitCode, signal, stdout, stderr } = attempt;
  if (exitCode === 0) return null;
  const how = signal === null ? `ends with status ${exitCode}` : `is ended by ${signal}`;
  const said = firstLine(stderr) || firstLine(stdout);
  return said === "" ? how : `${how}: ${said}`;
}

const starts: Record<string, string> = {
  EACCES: "is not executable for this user",
  ENOENT: "can't be started: its interpreter or loader is missing",
  ENOEXEC: "can't be started: it is not a program for this machine's architecture",
};

const maxLine = 300;

function firstLine(output: Uint8Array): string {
  const text = new TextDecoder().decode(output.subarray(0, 4096));
  const line = text.split("\n").find((one) => one.trim() !== "") ?? "";
  return stripControl(line).trim().slice(0, maxLine);
}

/** A file of that name in PATH that this user can't execute; null when there is none. */
export function nonProgram(program: string, path = process.env["PATH"] ?? ""): string | null {
  const files = path.split(":").flatMap((folder) => (folder.startsWith("/") ? [`${folder}/${program}`] : []));
  return files.find(isFile) ?? null;
}

/** False also in a folder that this user can't look into, such as root's in a PATH that su(1) kept. */
function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

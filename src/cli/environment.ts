/** Variables for a VM or a session: `--env`, and `--env-file` in docker's format. No error contains a value: it may be secret. */
import { fail } from "../base/errors/error.ts";
import { hasOtherBytes, textOfPath } from "../base/path-bytes.ts";
import type { CliContext } from "./context.ts";

export type EnvFlags = { env?: readonly string[]; envFile?: readonly string[] };

type Env = Record<string, string | undefined>;

/** bytes of a whole file: as much as Linux accepts, and comments */
const maxFile = 4 * 1024 * 1024;

/** Files in order, then `--env`: the last value counts. @throws FLAG_INVALID */
export async function environmentOf(context: CliContext, { env, envFile }: EnvFlags): Promise<Record<string, string>> {
  const found: [string, string][] = [];
  for (const file of envFile ?? []) found.push(...parseEnvFile(file, await read(context, file), context.env));
  for (const text of env ?? []) found.push(parseEnv(text, context.env));
  return Object.fromEntries(found);
}

async function read(context: CliContext, file: string): Promise<Uint8Array> {
  try {
    return await context.readInput(file, maxFile);
  } catch (error) {
    const { code, details } = error as { code?: string; details?: { problem?: unknown } };
    const why = reasons[code ?? ""] ?? details?.problem ?? code ?? "it can't be read";
    throw invalidFile(file, `can't be used: ${why}`);
  }
}

const reasons: Record<string, string> = {
  ENOENT: "there is no such file",
  EACCES: "you are not allowed to read it",
  EISDIR: "it is a folder",
};

/**
 * One variable a line: `NAME=VALUE`, the value taken literally, without any quoting; or `NAME`, whose value comes from this environment
 * and which is left out if it is not set. Empty lines and lines that begin with `#` are ignored. As docker's opts/file.go, without its
 * limit on the length of a line.
 * @throws FLAG_INVALID with the line's number
 */
export function parseEnvFile(file: string, bytes: Uint8Array, env: Env): [string, string][] {
  const found: [string, string][] = [];
  for (const [index, raw] of textOfPath(withoutMark(bytes)).split("\n").entries()) {
    const line = raw.replace(/\r$/, "").trimStart();
    if (line === "" || line.startsWith("#")) continue;
    const at = line.indexOf("=");
    const name = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? valueHere(env, name) : line.slice(at + 1);
    const problem = hasOtherBytes(line)
      ? "is not UTF-8: --env NAME passes a variable as it is"
      : fileProblem(name, value);
    if (problem !== null) throw invalidFile(file, `line ${index + 1} ${problem}`);
    if (value !== undefined) found.push([name, value]);
  }
  return found;
}

function valueHere(env: Env, name: string): string | undefined {
  return Object.hasOwn(env, name) ? env[name] : undefined;
}

/** Without the byte order mark of UTF-8. */
function withoutMark(bytes: Uint8Array): Uint8Array {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
}

function fileProblem(name: string, value: string | undefined): string | null {
  if (name === "") return "has no name before its =";
  if (/[ \t]/.test(name)) return "has white space in its name";
  return name.includes("\0") || value?.includes("\0") ? "has a NUL byte" : null;
}

/** `NAME=VALUE`, or `NAME` alone for its value in this environment. */
function parseEnv(text: string, env: Env): [string, string] {
  const at = text.indexOf("=");
  const name = at < 0 ? text : text.slice(0, at);
  const value = at < 0 ? valueHere(env, text) : text.slice(at + 1);
  if (name === "") throw invalid("--env", name, "has no name before its =", "--env CI=1");
  if (value === undefined)
    throw invalid("--env", text, "has no value, and the variable is not set here", `--env ${text}=1`);
  return [name, value];
}

function invalidFile(file: string, problem: string): Error {
  return invalid("--env-file", file, problem, "a line NAME=VALUE, NAME or # comment");
}

function invalid(flag: string, value: string, problem: string, example: string): Error {
  return fail("FLAG_INVALID", { flag, value, problem, example });
}

/** Linux's limits for the arguments and environment of a program: execve(2), "Limits on size of arguments and environment". */
import { byteLengthOf } from "./path-bytes.ts";

/** MAX_ARG_STRLEN: bytes of one argument or `NAME=VALUE`, with its final NUL */
export const maxString = 131_072;
/** bytes of all strings, each with its NUL and a pointer: a quarter of the stack limit, which is 8 MiB */
export const maxAll = 2_097_152;
const pointerBytes = 8;

/** `execProblem` for variables alone, worded for every list of them */
export const variablesRule = "has more than Linux takes: 128 KiB for each variable, 2 MiB in all";

/** Whether a program can be given a variable of that name: shells refuse dots, dashes and spaces, execve(2) does not (environ(7)). */
export function isVariableName(text: string): boolean {
  return text !== "" && !text.includes("=") && !text.includes("\0");
}

/**
 * What is too long, as a clause; null when it fits. The guest adds its own variables, so a command just below the limit can still be
 * refused there.
 */
export function execProblem(argv: readonly string[], env: Readonly<Record<string, string>>): string | null {
  const names = Object.keys(env);
  let all = 0;
  for (const [at, text] of [...argv, ...names.map((name) => `${name}=${env[name]}`)].entries()) {
    const bytes = byteLengthOf(text) + 1;
    if (bytes > maxString) {
      const what = at < argv.length ? wordAt(at) : `variable ${names[at - argv.length]}`;
      return `${what} has ${bytes - 1} bytes, and Linux takes up to ${maxString - 1} in one string`;
    }
    all += bytes + pointerBytes;
  }
  if (all <= maxAll) return null;
  return `its ${argv.length} words and ${names.length} variables take ${all} bytes, and Linux takes up to ${maxAll} in all`;
}

function wordAt(at: number): string {
  return at === 0 ? "its name" : `argument ${at}`;
}

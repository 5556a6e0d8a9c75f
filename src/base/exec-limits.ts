/** What Linux takes for one program: execve(2), "Limits on size of arguments and environment". */
import { byteLengthOf } from "./path-bytes.ts";

/** MAX_ARG_STRLEN: bytes of one argument or of `NAME=VALUE`, with the NUL at its end */
export const maxString = 131_072;
/** bytes of all of them, each with its NUL and a pointer: a quarter of the stack's limit, which is 8 MiB */
export const maxAll = 2_097_152;
const pointerBytes = 8;

/** `execProblem` of variables alone, in words that fit every list of them */
export const variablesRule = "has more than Linux takes: 128 KiB for each variable, 2 MiB in all";

/** Whether a program can be given a variable of that name: dots, dashes and spaces are no shell's, but they arrive (environ(7)). */
export function isVariableName(text: string): boolean {
  return text !== "" && !text.includes("=") && !text.includes("\0");
}

/**
 * Half a sentence on what is too long; null when it fits. The guest's own variables come on top, so a command that is just below
 * the limit may still be refused there.
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

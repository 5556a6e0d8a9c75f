/**
 * This process's arguments and variables as the kernel has them: the runtime turns bytes that are not UTF-8 into U+FFFD. As text
 * they are what `base/path-bytes.ts` makes of them. Nothing is read where nothing was replaced.
 */
import { readFileSync } from "node:fs";
import { textOfPath } from "../../base/path-bytes.ts";

type Env = Record<string, string | undefined>;

/** proc_pid_cmdline(5), proc_pid_environ(5): strings, each with a NUL at its end. */
export type OwnStrings = (file: "cmdline" | "environ") => string[];

/** @param decoded the last arguments of this process, all or some of them */
export function exactArguments(decoded: readonly string[], read: OwnStrings = ownStrings): string[] {
  if (!decoded.some(isReplaced)) return [...decoded];
  const exact = read("cmdline").slice(-decoded.length);
  const isSame =
    exact.length === decoded.length && exact.every((word, at) => isReplaced(word) || isLike(word, decoded[at]));
  if (!isSame) throw new Error("/proc/self/cmdline has other arguments than this process");
  return exact;
}

/** The environment itself where all of it is UTF-8; else a copy of what the process began with. */
export function exactEnvironment(decoded: Env, read: OwnStrings = ownStrings): Env {
  if (!Object.entries(decoded).some(([name, value]) => isReplaced(name) || isReplaced(value ?? ""))) return decoded;
  const pairs = read("environ").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
  return Object.fromEntries(pairs);
}

function isReplaced(text: string): boolean {
  return text.includes("\ufffd");
}

/** The runtime may have put any number of U+FFFD in place of what it could not read. */
function isLike(exact: string, decoded = ""): boolean {
  return exact === decoded || /[\udc80-\udcff]/u.test(exact);
}

function ownStrings(file: "cmdline" | "environ"): string[] {
  const bytes = readFileSync(`/proc/self/${file}`);
  const strings: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    strings.push(textOfPath(bytes.subarray(at, end < 0 ? bytes.length : end)));
    if (end < 0) break;
    at = end + 1;
  }
  return strings;
}

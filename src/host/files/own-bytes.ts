/**
 * This process's arguments and variables as the kernel has them: the runtime replaces bytes that are not UTF-8 by U+FFFD. The result is
 * encoded as in `base/path-bytes.ts`. /proc is read only if something was replaced.
 */
import { readFileSync } from "node:fs";
import { textOfPath } from "../../base/path-bytes.ts";

type Env = Record<string, string | undefined>;

/** proc_pid_cmdline(5), proc_pid_environ(5): strings, each with a final NUL. */
export type OwnStrings = (file: "cmdline" | "environ") => string[];

/** @param decoded the last arguments of this process, some or all of them */
export function exactArguments(decoded: readonly string[], read: OwnStrings = ownStrings): string[] {
  if (!decoded.some(isReplaced)) return [...decoded];
  const exact = read("cmdline").slice(-decoded.length);
  const isSame =
    exact.length === decoded.length && exact.every((word, at) => isReplaced(word) || isLike(word, decoded[at]));
  if (!isSame) throw new Error("/proc/self/cmdline has other arguments than this process");
  return exact;
}

/** The environment itself if all of it is UTF-8; else a copy of the process's initial one. */
export function exactEnvironment(decoded: Env, read: OwnStrings = ownStrings): Env {
  if (!Object.entries(decoded).some(([name, value]) => isReplaced(name) || isReplaced(value ?? ""))) return decoded;
  const pairs = read("environ").map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]);
  return Object.fromEntries(pairs);
}

function isReplaced(text: string): boolean {
  return text.includes("\ufffd");
}

/** The runtime may have put any number of U+FFFD for bytes that it could not decode. */
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

/** Processes in /proc: a process's parent, and the processes that were started for a folder. */
import * as fs from "node:fs";

/** The parent of a process; 0 when it has ended. */
export function parentOf(pid: number): number {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, "utf8");
    // the name in parentheses can contain anything; state and parent follow the last one
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) || 0;
  } catch {
    return 0;
  }
}

/**
 * Pids of programs that have `folder`, or something below it, in their arguments.
 * @param isOurs called with the program's base name, so that a user's `tail` of a log there is not included
 */
export function processesAbout(folder: string, isOurs: (program: string) => boolean): number[] {
  return fs
    .readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid && isAbout(argumentsOf(pid), folder, isOurs));
}

function argumentsOf(pid: number): string[] {
  try {
    return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch {
    return [];
  }
}

function isAbout(argv: readonly string[], folder: string, isOurs: (program: string) => boolean): boolean {
  const [program = "", ...rest] = argv;
  return isOurs(program.slice(program.lastIndexOf("/") + 1)) && rest.some((argument) => mentions(argument, folder));
}

/** The folder itself or a path below it, as a whole argument or in a list of options. */
function mentions(argument: string, folder: string): boolean {
  for (let at = argument.indexOf(folder); at >= 0; at = argument.indexOf(folder, at + 1)) {
    const next = argument[at + folder.length];
    if (next === undefined || next === "/" || next === ",") return true;
  }
  return false;
}

/** The processes and files of one test home, found by the home's path: nobody else has it in their arguments or environment. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";

export type OwnProcess = {
  pid: number;
  name: string;
  argv: string[] /** `/proc/PID/stat` field 22 */;
  startTicks: string;
};

export function processesOf(folder: string): OwnProcess[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .map((entry) => ownProcess(Number(entry), folder))
    .filter((item) => item !== null);
}

/** Signals it if it is still the same process; a process that is gone is fine. */
export function signalOwn(target: OwnProcess, folder: string, signal: NodeJS.Signals): void {
  const now = ownProcess(target.pid, folder);
  if (now?.startTicks !== target.startTicks) return;
  try {
    process.kill(target.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Names of all files below a folder, relative to it; empty when there is no such folder. */
export function filesBelow(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  } catch {
    return [];
  }
}

/** Waits until `check` gives something other than null or false. For states of the outside that send no event. */
export async function until<T>(what: string, check: () => T | Promise<T>, timeoutMs = 30_000): Promise<NonNullable<T>> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await check();
    if (value) return value as NonNullable<T>;
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await Bun.sleep(50);
  }
}

function ownProcess(pid: number, folder: string): OwnProcess | null {
  try {
    const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").slice(0, -1);
    const belongs =
      argv.some((word) => word.includes(folder)) ||
      environmentNames(pid, folder) ||
      readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (!belongs || fields[0] === "Z") return null;
    return { pid, name: stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")")), argv, startTicks: fields[19] ?? "" };
  } catch {
    return null;
  }
}

function environmentNames(pid: number, folder: string): boolean {
  try {
    return readFileSync(join("/proc", String(pid), "environ"), "utf8").includes(`HOME=${folder}\0`);
  } catch {
    return false;
  }
}

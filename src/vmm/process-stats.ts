/** Memory and CPU time of a VMM process, from `/proc`. */
import { readText } from "../host/files/files.ts";
import type { VmmStats } from "./driver.ts";

const pageBytes = 4096;
/** USER_HZ of every x86-64 Linux: a tick is 10 ms */
const tickMs = 10;

export async function processStats(pid: number): Promise<VmmStats> {
  return parseStat(await readText(`/proc/${pid}/stat`, 4096));
}

/** `/proc/PID/stat`, see proc(5); the name in parentheses can contain anything, so fields are counted from its end. */
export function parseStat(text: string): VmmStats {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (number: number) => Number(fields[number - 3] ?? 0);
  return { rssBytes: field(24) * pageBytes, cpuMs: (field(14) + field(15)) * tickMs };
}

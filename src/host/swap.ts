/** Whether memory of this host's processes can be swapped out. */
import { readText } from "./files/files.ts";

/** proc(5), /proc/swaps: a heading, and a line for each area in use. True when it can't be read. */
export async function hasSwap(file = "/proc/swaps"): Promise<boolean> {
  const lines = await readText(file, 64 * 1024).catch(() => "unreadable\nunreadable");
  return lines.split("\n").filter((line) => line.trim() !== "").length > 1;
}

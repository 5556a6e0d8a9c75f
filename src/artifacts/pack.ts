/** Packing into squashfs: common options, and errors of the tools. */
import { fail } from "../base/errors/error.ts";
import { lastLine, statusText } from "./tools.ts";

/** lz4 is the cheapest for the guest to read; fixed times make the output reproducible. */
export const squashfsOptions: readonly string[] = [
  "-comp",
  "lz4",
  "-quiet",
  "-no-progress",
  "-mkfs-time",
  "0",
  "-mem",
  "256M",
];

type Ended = { exitCode: number | null; signal: string | null };

/** The error for a packer that failed. */
export function packingFailed(tool: string, ended: Ended, stderr: string, path: string, during: string): Error {
  if (/no space left|disk quota exceeded/i.test(stderr)) return fail("DISK_FULL", { path, during });
  return fail("TOOL_FAILED", { tool, status: statusText(ended), said: lastLine(stderr) });
}

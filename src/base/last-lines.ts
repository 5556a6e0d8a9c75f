/** The guest's serial console as people may see it: a guest writes what it likes there, escape sequences included. */
import { stripControl } from "../base/display.ts";

/** How much of the log is looked at for the last lines. */
export const consoleTailBytes = 32 * 1024;

/** The last `count` lines, clean of control characters, each at most `width` characters. */
export function lastLines(bytes: Uint8Array, count = 20, width = 300): string[] {
  const text = new TextDecoder("utf-8").decode(bytes);
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => stripControl(line).replaceAll("\t", " ").slice(0, width).trimEnd())
    .filter((line) => line !== "");
  return lines.slice(-count);
}

/** The end of a log, safe to show: a guest can write anything to its console, escape sequences included. */
import { stripControl } from "./untrusted-text.ts";

/** The last `count` non-empty lines, without control characters, each at most `width` characters. */
export function lastLines(log: string | Uint8Array, count = 20, width = 300): string[] {
  const text = typeof log === "string" ? log : new TextDecoder("utf-8").decode(log);
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => stripControl(line).replaceAll("\t", " ").slice(0, width).trimEnd())
    .filter((line) => line !== "");
  return lines.slice(-count);
}

/** The guest's serial console as people may see it: a guest writes what it likes there, escape sequences included. */

/** How much of the log is looked at for the last lines. */
export const consoleTailBytes = 32 * 1024;

/** The last `count` lines, clean of control characters, each at most `width` characters. */
export function lastLines(bytes: Uint8Array, count = 20, width = 300): string[] {
  const text = new TextDecoder("utf-8").decode(bytes);
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line) => cleanLine(line).slice(0, width).trimEnd())
    .filter((line) => line !== "");
  return lines.slice(-count);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])/g;
// C0, DEL, C1, line and paragraph separators, bidirectional overrides
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function cleanLine(line: string): string {
  return line.replace(escapes, "").replaceAll("\t", " ").replace(controls, "");
}

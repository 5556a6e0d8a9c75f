/** What a stranger's words must not have when they reach a terminal. */

/** Of C0 all but the line feed, DEL, C1, marks of direction, line and paragraph separators. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are looked for
const control = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

/** The first thing in `text` that could act on a terminal, or a second line that looks like banger's own; null: none. */
export function unsafeIn(text: string): string | null {
  const found = control.exec(text);
  if (found) return `U+${found[0].codePointAt(0)?.toString(16).padStart(4, "0")}`;
  const errors = text.split("\n").filter((line) => line.startsWith("error:"));
  return errors.length > 1 ? `a line of its own: ${errors[1]}` : null;
}

/** Parses `objects/info/alternates` as git does (`parse_alt_odb_entry` in git's object-file.c). Pure; byte text. */

const escapes: Record<string, string> = {
  a: "\x07",
  b: "\b",
  t: "\t",
  n: "\n",
  v: "\v",
  f: "\f",
  r: "\r",
  "\\": "\\",
  '"': '"',
};

/** The paths in the file, in order: absolute, or relative to the object folder that the file belongs to. */
export function parseAlternates(content: string): string[] {
  // git reads a C string: nothing after a NUL counts
  const text = content.split("\0", 1)[0] ?? "";
  const paths: string[] = [];
  for (let at = 0; at < text.length; ) {
    const lineEnd = text.indexOf("\n", at);
    const end = lineEnd < 0 ? text.length : lineEnd;
    const quoted = text[at] === '"' ? unquote(text, at) : null;
    const path = quoted ? quoted.path : text[at] === "#" ? "" : text.slice(at, end);
    if (path !== "") paths.push(path);
    // git skips one character after a closing quote, whichever it is
    at = (quoted ? quoted.end : end) + 1;
  }
  return paths;
}

/** Unquotes C-quoted text from the `"` at `start`; null when git would read the line literally. */
function unquote(text: string, start: number): { path: string /** after the closing quote */; end: number } | null {
  let path = "";
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at] as string;
    if (char === '"') return { path, end: at + 1 };
    if (char !== "\\") {
      path += char;
      continue;
    }
    const octal = /^[0-3][0-7]{2}/.exec(text.slice(at + 1, at + 4))?.[0];
    const plain = octal === undefined ? escapes[text[at + 1] ?? ""] : String.fromCharCode(Number.parseInt(octal, 8));
    if (plain === undefined) return null;
    path += plain;
    at += octal === undefined ? 1 : 3;
  }
  return null;
}

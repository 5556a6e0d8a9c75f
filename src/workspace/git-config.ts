/**
 * Parses the text of one git configuration file, so that git itself never loads an untrusted one (`config-read.ts` combines all files).
 * Nothing is executed, unknown keys are kept as text. Hostile input: bounded and linear. At a syntax error the reading ends, and what was
 * read before is kept (git would refuse the file).
 */

/** Values by `section.key` or `section.subsection.key`; section and key in lower case; values in order. */
export class GitConfig {
  readonly #values = new Map<string, string[]>();
  /** all pairs in the order in which they were written */
  readonly pairs: [key: string, value: string][] = [];
  /** the file has a syntax error; what was before it is kept */
  broken = false;

  add(key: string, value: string): void {
    this.pairs.push([key, value]);
    const known = this.#values.get(key);
    if (known === undefined) this.#values.set(key, [value]);
    else known.push(value);
  }

  /** The last value, which is the one that git uses. */
  get(key: string): string | undefined {
    return this.#values.get(key)?.at(-1);
  }

  all(key: string): readonly string[] {
    return this.#values.get(key) ?? [];
  }

  /** True or false; undefined when it is absent or not a boolean. */
  bool(key: string): boolean | undefined {
    const value = this.get(key)?.toLowerCase();
    if (value === undefined) return undefined;
    if (["true", "yes", "on", "1"].includes(value)) return true;
    return ["false", "no", "off", "0", ""].includes(value) ? false : undefined;
  }

  /** Names X of the sections `[section "X"]`, in order of appearance. */
  subsections(section: string): string[] {
    const names = new Set<string>();
    for (const key of this.#values.keys()) {
      if (!key.startsWith(`${section}.`)) continue;
      const end = key.lastIndexOf(".");
      if (end > section.length) names.add(key.slice(section.length + 1, end));
    }
    return [...names];
  }
}

/** No configuration that a person wrote is larger than this. */
export const maxConfigBytes = 1024 * 1024;
/** the most sections and variables together */
const maxEntries = 20_000;

/** @param text byte text of the file */
export function parseGitConfig(text: string): GitConfig {
  const config = new GitConfig();
  const cursor = new Cursor(text.startsWith("\xef\xbb\xbf") ? text.slice(3) : text);
  let section = "";
  for (let entries = 0; entries <= maxEntries; entries++) {
    cursor.skip(/[ \t\r\n;#]/y, true);
    if (cursor.atEnd()) return config;
    if (cursor.peek() === "[") {
      const next = readSection(cursor);
      if (next === null) break;
      section = next;
      continue;
    }
    const entry = readEntry(cursor);
    if (entry === null) break;
    config.add(section === "" ? entry.key : `${section}.${entry.key}`, entry.value);
  }
  config.broken = true;
  return config;
}

class Cursor {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  peek(): string {
    return this.#text[this.#at] ?? "";
  }

  next(): string {
    return this.#text[this.#at++] ?? "";
  }

  /** Consumes and returns the match of a sticky pattern at this position. */
  take(sticky: RegExp): RegExpExecArray | null {
    sticky.lastIndex = this.#at;
    const match = sticky.exec(this.#text);
    if (match !== null) this.#at += match[0].length;
    return match;
  }

  /** Skips characters that match a one-character sticky pattern; with `comments`, also lines after `;` or `#`. */
  skip(sticky: RegExp, comments = false): void {
    for (let match = this.take(sticky); match !== null; match = this.take(sticky)) {
      if (comments && (match[0] === ";" || match[0] === "#")) this.take(/[^\n]*/y);
    }
  }
}

function readSection(cursor: Cursor): string | null {
  const old = cursor.take(/\[([A-Za-z0-9.-]+)\]/y);
  if (old !== null) return (old[1] ?? "").toLowerCase();
  const quoted = cursor.take(/\[([A-Za-z0-9.-]+)[ \t]+"((?:[^"\\\n]|\\[^\n])*)"\]/y);
  if (quoted === null) return null;
  return `${(quoted[1] ?? "").toLowerCase()}.${(quoted[2] ?? "").replaceAll(/\\(.)/g, "$1")}`;
}

function readEntry(cursor: Cursor): { key: string; value: string } | null {
  const key = cursor.take(/([A-Za-z][A-Za-z0-9-]*)[ \t]*/y)?.[1]?.toLowerCase();
  if (key === undefined) return null;
  if (cursor.atEnd() || cursor.take(/\r?\n/y) !== null) return { key, value: "true" };
  if (cursor.next() !== "=") return null;
  const value = readValue(cursor);
  return value === null ? null : { key, value };
}

const escapes: Record<string, string> = { n: "\n", t: "\t", b: "\b", '"': '"', "\\": "\\" };

/** Reads to the end of the line: quotes, escapes, continuation lines, comments; strips unquoted space at both ends. */
function readValue(cursor: Cursor): string | null {
  let value = "";
  let keep = 0;
  let quoted = false;
  cursor.skip(/[ \t]/y);
  for (;;) {
    const char = cursor.next();
    if (char === "\n" || (char === "" && cursor.atEnd())) return quoted ? null : value.slice(0, keep);
    if (!quoted && (char === ";" || char === "#")) {
      cursor.take(/[^\n]*/y);
      continue;
    }
    if (char === '"') {
      quoted = !quoted;
      keep = value.length;
      continue;
    }
    if (char === "\\") {
      if (cursor.atEnd() || cursor.take(/\r?\n/y) !== null) continue;
      const escaped = escapes[cursor.next()];
      if (escaped === undefined) return null;
      value += escaped;
      keep = value.length;
      continue;
    }
    value += char;
    if (quoted || !/[ \t\r]/.test(char)) keep = value.length;
  }
}

/** Quotes a value for a configuration that we write. */
export function quoteConfigValue(value: string): string {
  const escaped = value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  return `"${escaped.replaceAll("\b", "\\b")}"`;
}

/** Quotes a subsection's name for a configuration that we write; null when it can't be written. */
export function quoteSubsection(name: string): string | null {
  if (/[\n\0]/.test(name)) return null;
  return `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

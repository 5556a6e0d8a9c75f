/** Text for people: redacting credentials, finding the nearest name, quoting and counting. For terminal control see `untrusted-text.ts`. */

export { stripControl } from "./untrusted-text.ts";

/**
 * A URL (or `user@host:path`, or any text) without possible credentials: user part, query and fragment are removed.
 * An scp-like `git@host:path` keeps its user, which is not secret and is needed.
 */
export function redactUrl(given: string): string {
  const text = given.replace(oddLogin, "$1$2@");
  const url = /^([a-z][a-z0-9+.-]*(?:::)?:\/\/)([^/?#]*)([^?#]*)/i.exec(text);
  if (url === null) return text.replace(/^([^\s/:@]+):[^\s/@]*@/, "$1@");
  const [, scheme = "", authority = "", path = ""] = url;
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const user = authority.slice(0, Math.max(0, authority.lastIndexOf("@"))).split(":", 1)[0] ?? "";
  const keepsUser = /^(?:git\+)?ssh/i.test(scheme) && user !== "";
  return `${scheme}${keepsUser ? `${user}@` : ""}${host}${path}`;
}

/** A URL, with what may precede its scheme. Each word is tried once: untrusted text may be one long word. */
const urls = /(?<![a-z0-9+.-])([0-9+.-]*)([a-z][a-z0-9+.-]*:\/\/(?:\S*@)?[^\s'"<>]*)/gi;

/**
 * A user and a password in which `/`, `?`, `#` or `@` were not encoded: what follows the colon is not a port. The URL is invalid, but
 * it still contains a password.
 */
const oddLogin = /^([a-z][a-z0-9+.-]*:\/\/)(?!\[)([^\s/?#:@]*):(?!\d{1,5}(?:[/?#]|$))\S*@/i;

/** The text with every URL in it (an error of git, a log line) redacted. */
export function redactText(text: string): string {
  return text.replace(urls, (_whole, before: string, url: string) => before + redactUrl(url));
}

/** The member of `list` that `name` was probably meant to be; undefined when none is similar. */
export function nearest(name: string, list: Iterable<string>): string | undefined {
  const typed = name.slice(0, 64).toLowerCase();
  let best: string | undefined;
  let least = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const candidate of list) {
    const distance = editDistance(typed, candidate.slice(0, 64).toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** The number of insertions, deletions, substitutions and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let cost = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      next.push(cost);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

/** One argument as it would have to be typed in a POSIX shell; for display only, banger never runs a shell. */
export function quoteArg(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A whole command line for display. */
export function quoteArgs(argv: readonly string[]): string {
  return argv.map(quoteArg).join(" ");
}

/** `1 file`, `3 files`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}

/** `a, b and 3 more`: the first ones of a list by name. @param show how a name is written */
export function firstOf(names: readonly string[], most: number, show: (name: string) => string = String): string {
  const named = names.slice(0, most).map(show).join(", ");
  return names.length > most ? `${named} and ${names.length - most} more` : named;
}

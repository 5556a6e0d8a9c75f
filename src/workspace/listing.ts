/** Parses what `git ls-files -z` prints: hostile, as the repository's index is. Pure. */

/** One line of `ls-files --stage`; path as byte text, unchecked. */
export type IndexEntry = { /** octal digits as git prints them */ mode: string; oid: string; stage: number; path: string };

/** `MODE SP OID SP STAGE TAB PATH NUL`; throws a plain RangeError for anything else. */
export function* parseStaged(stdout: Uint8Array): Generator<IndexEntry, void, void> {
  for (const line of nulSeparated(stdout)) {
    const match = /^([0-7]{6}) ([0-9a-f]{40}|[0-9a-f]{64}) ([0-3])\t([^]+)$/.exec(line);
    if (match === null) throw new RangeError("git ls-files printed a line that is none of its own");
    const [, mode = "", oid = "", stage = "", path = ""] = match;
    yield { mode, oid, stage: Number(stage), path };
  }
}

/** The items of NUL-terminated output as byte text; a last one without its NUL is an error. */
export function* nulSeparated(stdout: Uint8Array): Generator<string, void, void> {
  const bytes = Buffer.from(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(0, at);
    if (end < 0) throw new RangeError("git's output is cut off");
    yield bytes.toString("latin1", at, end);
    at = end + 1;
  }
}

/** Parses the output of `git ls-files -z`: untrusted, as the repository's index is. Pure. */

/** One line of `ls-files --stage`; path as byte text, unchecked. */
export type IndexEntry = {
  /** octal digits as git prints them */ mode: string;
  oid: string;
  stage: number;
  path: string;
};

/** `MODE SP OID SP STAGE TAB PATH NUL`; throws a plain RangeError for anything else. */
export function* parseStaged(stdout: Uint8Array): Generator<IndexEntry, void, void> {
  for (const line of nulSeparated(stdout)) {
    const match = /^([0-7]{6}) ([0-9a-f]{40}|[0-9a-f]{64}) ([0-3])\t(.+)$/s.exec(line);
    if (match === null) throw new RangeError("git ls-files printed a line that is none of its own");
    const [, mode = "", oid = "", stage = "", path = ""] = match;
    yield { mode, oid, stage: Number(stage), path };
  }
}

/** A file of a commit: path as byte text, size in bytes. */
export type CheckedOut = { path: string; mode: string; size: number };

/** Parses the output of `ls-tree -r -z --long`; skips submodules, which have no size. */
export function* parseTree(stdout: Uint8Array): Generator<CheckedOut, void, void> {
  for (const line of nulSeparated(stdout)) {
    const match = /^([0-7]{6}) (\w+) [0-9a-f]{40,64} +(\d+|-)\t(.+)$/s.exec(line);
    if (match === null) throw new RangeError("git ls-tree printed a line that is none of its own");
    const [, mode = "", type, size, path = ""] = match;
    if (type === "blob") yield { path, mode, size: Number(size) };
  }
}

/** The items of NUL-terminated output as byte text; a last item without its NUL is an error. */
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

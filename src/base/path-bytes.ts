/**
 * Names, arguments and variables that are not UTF-8, as text: each byte that does not decode becomes a lone surrogate U+DC80-U+DCFF,
 * like Python's `os.fsdecode` (PEP 383). The text converts back to the same bytes, and no valid name looks like it.
 */

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const escaped = /[\udc80-\udcff]/u;

/** The text of a name or a path. */
export function textOfPath(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return escapeBytes(bytes);
  }
}

/** The argument for a system call: the text itself if it stands for valid UTF-8, else its bytes. */
export function bytesOfPath(path: string): string | Buffer {
  if (!escaped.test(path)) return path;
  const parts = Array.from(path, (one) =>
    escaped.test(one) ? Buffer.from([one.charCodeAt(0) - 0xdc00]) : Buffer.from(one, "utf8"),
  );
  return Buffer.concat(parts);
}

/** For display: `\xff` for each byte that is not UTF-8. */
export function showBytes(text: string): string {
  return text.replace(/[\udc80-\udcff]/gu, (unit) => `\\x${(unit.charCodeAt(0) - 0xdc00).toString(16)}`);
}

/** Whether the text stands for bytes that are not UTF-8. */
export function hasOtherBytes(text: string): boolean {
  return escaped.test(text);
}

/** How many bytes the text stands for. */
export function byteLengthOf(text: string): number {
  return escaped.test(text) ? bytesOfPath(text).length : Buffer.byteLength(text);
}

/** Keeps valid characters and escapes the bytes between them one by one. */
function escapeBytes(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const length = characterAt(bytes, at);
    text +=
      length > 0 ? strict.decode(bytes.subarray(at, at + length)) : String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
    at += Math.max(length, 1);
  }
  return text;
}

/** The length in bytes of the UTF-8 character at `at`; 0 when there is none. */
function characterAt(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    try {
      strict.decode(bytes.subarray(at, at + length));
      return length;
    } catch {}
  }
  return 0;
}

/** Recognizes files that are not a tar by their first bytes. */

import { quoteArgs } from "../../base/text.ts";
import { blockSize, isHeader } from "../../formats/tar/header.ts";
import type { Foreign } from "../disk/foreign.ts";

type Mark = {
  what: string;
  bytes: string;
  /** command that writes the tar to stdout */
  program?: string;
  /** it contains no other files */
  isWhole?: boolean;
};

const marks: readonly Mark[] = [
  { what: "compressed with lz4", bytes: "\x04\x22\x4d\x18", program: "lz4 -dc" },
  { what: "compressed with lzma", bytes: "\x5d\0\0", program: "xz --format=lzma -dc" },
  { what: "compressed with compress", bytes: "\x1f\x9d", program: "gzip -dc" },
  { what: "compressed with lzip", bytes: "LZIP", program: "lzip -dc" },
  { what: "compressed with lzop", bytes: "\x89LZO", program: "lzop -dc" },
  { what: "a zip archive", bytes: "PK\x03\x04" },
  { what: "a 7z archive", bytes: "7z\xbc\xaf\x27\x1c" },
  { what: "a RAR archive", bytes: "Rar!\x1a\x07" },
  { what: "a cpio archive", bytes: "070701" },
  { what: "a cpio archive", bytes: "070702" },
  { what: "a cpio archive", bytes: "070707" },
  { what: "a cpio archive", bytes: "\xc7\x71" },
  { what: "a program (ELF)", bytes: "\x7fELF", isWhole: true },
  { what: "a Debian package", bytes: "!<arch>\n" },
  { what: "an RPM package", bytes: "\xed\xab\xee\xdb" },
];

/** What servers send instead of a file. */
const documents = [
  { what: "a web page", begins: /^\s*(?:<\?xml[^>]*>\s*)?<(!doctype|html)\b/i },
  { what: "an XML document", begins: /^\s*<\?xml\b/ },
  { what: "a JSON document", begins: /^\s*(?:\{\s*"|\[\s*[{"])/ },
];

/**
 * Null if the format is not recognized. @param again command that reads the tar from stdin, as `banger image import -`
 */
export function nonTarKind(head: Uint8Array, path: string, again: string): Foreign | null {
  // a tar begins with a file name, which can look like any of these
  if (head.length >= blockSize && isHeader(head)) return null;
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 200)).toString("latin1");
  const found = marks.find(({ bytes }) => text.startsWith(bytes));
  if (found) return { what: found.what, next: nextFor(found, path, again) };
  const sent = documents.find(({ begins }) => begins.test(text));
  return sent ? { what: sent.what, next: "download it again and check the result" } : null;
}

function nextFor({ program, isWhole }: Mark, path: string, again: string): string {
  if (isWhole) return "give the archive or folder that contains it";
  if (program === undefined) return "unpack it into a folder and give that";
  return `unpack it in a pipe: \`${program} ${quoteArgs([path])} | ${again}\``;
}

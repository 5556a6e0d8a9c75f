/** What a file is that should be a tar and is something else: told apart by its first bytes. */
import { quoteArgs } from "../../base/text.ts";
import type { Foreign } from "../disk/foreign.ts";

type Mark = { what: string; bytes: string /** that writes the tar to stdout */; program?: string };

const marks: readonly Mark[] = [
  { what: "compressed with lz4", bytes: "\x04\x22\x4d\x18", program: "lz4 -dc" },
  { what: "compressed with lzma", bytes: "\x5d\0\0", program: "xz --format=lzma -dc" },
  { what: "compressed with compress", bytes: "\x1f\x9d", program: "gzip -dc" },
  { what: "compressed with lzip", bytes: "LZIP", program: "lzip -dc" },
  { what: "compressed with lzop", bytes: "\x89LZO", program: "lzop -dc" },
  { what: "a zip archive", bytes: "PK\x03\x04" },
  { what: "a cpio archive", bytes: "070701" },
  { what: "a Debian package", bytes: "!<arch>\n" },
  { what: "an RPM package", bytes: "\xed\xab\xee\xdb" },
];

/** Null: nothing that is known. @param again command that takes the tar on stdin, as `banger image import -` */
export function noTar(head: Uint8Array, path: string, again: string): Foreign | null {
  const text = Buffer.from(head.buffer, head.byteOffset, Math.min(head.length, 200)).toString("latin1");
  const found = marks.find(({ bytes }) => text.startsWith(bytes));
  if (found) return { what: found.what, next: nextFor(found, path, again) };
  const word = /^\s*(?:<\?xml[^>]*>\s*)?<(!doctype|html)\b/i.exec(text);
  return word ? { what: "a web page", next: "download it again, and look at what comes" } : null;
}

function nextFor({ program }: Mark, path: string, again: string): string {
  if (program === undefined) return "unpack it into a folder, and give that";
  return `unpack it on the way: \`${program} ${quoteArgs([path])} | ${again}\``;
}

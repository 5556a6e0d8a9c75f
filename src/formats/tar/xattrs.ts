/** Extended attributes in PAX records: as star and Go write them (raw bytes), and as libarchive does (base64). */
import { TarError } from "./header.ts";

/** bytes of all of one file's; Linux has 64 KiB for each (XATTR_SIZE_MAX) */
const maxBytes = 512 * 1024;

const schily = "SCHILY.xattr.";
const libarchive = "LIBARCHIVE.xattr.";

/** By full name, as byte strings. Where both forms are there the raw one counts. @throws TarError */
export function xattrsOf(pax: ReadonlyMap<string, string>): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of pax) {
    if (key.startsWith(libarchive)) found.set(percentDecoded(key.slice(libarchive.length)), base64Decoded(value));
  }
  for (const [key, value] of pax) if (key.startsWith(schily)) found.set(key.slice(schily.length), value);
  let bytes = 0;
  for (const [name, value] of found) {
    if (name === "" || name.length > 255 || name.includes("\0"))
      throw new TarError("an extended attribute has no name");
    bytes += name.length + value.length;
  }
  if (bytes > maxBytes) throw new TarError("a file's extended attributes are too large");
  return found;
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function base64Decoded(text: string): string {
  return Buffer.from(text, "base64").toString("latin1");
}

/** Extended attributes in PAX records: raw bytes, as star and Go write them, or base64, as libarchive does. */
import { TarError } from "./header.ts";

/** most bytes of all attributes of a file; Linux allows 64 KiB for each (XATTR_SIZE_MAX) */
const maxBytes = 512 * 1024;

const schily = "SCHILY.xattr.";
const libarchive = "LIBARCHIVE.xattr.";

/** By full name, as byte strings. If both forms are present, the raw one wins. @throws TarError */
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

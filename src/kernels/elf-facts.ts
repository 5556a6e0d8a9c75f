/** What an uncompressed kernel says about itself: its release, and its configuration when that was built in. */
import { gunzipSync } from "node:zlib";

const maxConfig = 4 * 1024 * 1024;

/** From its banner, `Linux version 6.1.0 (…`; null when there is none. */
export function releaseIn(elf: Uint8Array): string | null {
  const bytes = Buffer.from(elf.buffer, elf.byteOffset, elf.length);
  for (let at = bytes.indexOf("Linux version "); at >= 0; at = bytes.indexOf("Linux version ", at + 1)) {
    const text = bytes.subarray(at + 14, at + 14 + 80).toString("latin1");
    const release = /^([0-9][\w.+~-]{0,63}) \(/.exec(text)?.[1];
    if (release) return release;
  }
  return null;
}

/** The text of CONFIG_IKCONFIG (kernel/configs.c: gzip between `IKCFG_ST` and `IKCFG_ED`); null when it isn't there. */
export function configIn(elf: Uint8Array): string | null {
  const bytes = Buffer.from(elf.buffer, elf.byteOffset, elf.length);
  const start = bytes.indexOf("IKCFG_ST");
  const end = start < 0 ? -1 : bytes.indexOf("IKCFG_ED", start);
  if (end < 0) return null;
  try {
    return gunzipSync(bytes.subarray(start + 8, end), { maxOutputLength: maxConfig }).toString("latin1");
  } catch {
    return null;
  }
}

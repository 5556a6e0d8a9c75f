/**
 * Facts in an uncompressed kernel: its release, and its configuration if built in. The file is untrusted and can have
 * hundreds of MiB, so it is searched in pieces.
 */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Breather } from "../base/breather.ts";

const maxConfig = 4 * 1024 * 1024;
/** most candidates for the banner; a kernel has two or three */
export const maxBanners = 1000;
/** bytes searched at a time */
const piece = 4 * 1024 * 1024;

/** From its banner, `Linux version 6.1.0 (…`, among the first `maxBanners` candidates; null if there is none. */
export async function releaseIn(elf: Uint8Array): Promise<string | null> {
  const bytes = Buffer.from(elf.buffer, elf.byteOffset, elf.length);
  const breather = new Breather();
  let at = -1;
  for (let tries = 0; tries < maxBanners; tries++) {
    at = await indexIn(bytes, "Linux version ", at + 1, breather);
    if (at < 0) return null;
    const text = bytes.subarray(at + 14, at + 14 + 80).toString("latin1");
    const release = /^([0-9][\w.+~-]{0,63}) \(/.exec(text)?.[1];
    if (release) return release;
  }
  return null;
}

/** The text of CONFIG_IKCONFIG (kernel/configs.c: gzip between `IKCFG_ST` and `IKCFG_ED`); null if it is absent. */
export async function configIn(elf: Uint8Array): Promise<string | null> {
  const bytes = Buffer.from(elf.buffer, elf.byteOffset, elf.length);
  const start = await indexIn(bytes, "IKCFG_ST", 0, new Breather());
  if (start < 0) return null;
  const packed = bytes.subarray(start + 8, start + 8 + maxConfig);
  const end = packed.indexOf("IKCFG_ED");
  if (end < 0) return null;
  try {
    return (await promisify(gunzip)(packed.subarray(0, end), { maxOutputLength: maxConfig })).toString("latin1");
  } catch {
    return null;
  }
}

/** As `bytes.indexOf(text, from)`. */
async function indexIn(bytes: Buffer, text: string, from: number, breather: Breather): Promise<number> {
  for (let start = from; start < bytes.length; start += piece) {
    const found = bytes.subarray(start, start + piece + text.length - 1).indexOf(text);
    if (found >= 0) return start + found;
    await breather.rest();
  }
  return -1;
}

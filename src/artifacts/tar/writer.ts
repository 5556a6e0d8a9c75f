/** Tar headers written the same way each time: ustar, with a pax record where a name or number does not fit. */
import { blockSize, type TarEntry, type TarKind } from "./header.ts";
import { paxRecord } from "./pax.ts";

const flags: Record<TarKind, string> = {
  file: "0",
  hardlink: "1",
  symlink: "2",
  character: "3",
  block: "4",
  folder: "5",
  fifo: "6",
};

const utf8 = new TextEncoder();

/** Two empty blocks. */
export const endOfArchive = new Uint8Array(2 * blockSize);

/** The header blocks of one entry; content and `padding` follow. */
export function encodeHeader(entry: TarEntry): Uint8Array {
  const records: Uint8Array[] = [];
  if (utf8.encode(entry.name).length > 99) records.push(paxRecord("path", entry.name));
  if (utf8.encode(entry.link).length > 99) records.push(paxRecord("linkpath", entry.link));
  if (entry.size > 0o77777777777) records.push(paxRecord("size", String(entry.size)));
  if (entry.uid > 0o7777777) records.push(paxRecord("uid", String(entry.uid)));
  if (entry.gid > 0o7777777) records.push(paxRecord("gid", String(entry.gid)));
  const own = block(entry, flags[entry.kind]);
  if (records.length === 0) return own;
  const body = join(records);
  const extension = block({ ...entry, name: "pax", mode: 0o644, size: body.length, link: "" }, "x");
  return join([extension, body, padding(body.length), own]);
}

/** The zeros that follow `size` bytes of content. */
export function padding(size: number): Uint8Array {
  return new Uint8Array((blockSize - (size % blockSize)) % blockSize);
}

function block(entry: TarEntry, flag: string): Uint8Array {
  const out = new Uint8Array(blockSize);
  const put = (at: number, bytes: Uint8Array, room: number) => out.set(bytes.subarray(0, room), at);
  const octal = (at: number, value: number, digits: number) => {
    const fits = value >= 0 && value < 8 ** digits;
    put(at, utf8.encode((fits ? Math.floor(value) : 0).toString(8).padStart(digits, "0")), digits);
  };
  put(0, utf8.encode(entry.kind === "folder" && flag === "5" ? `${entry.name}/` : entry.name), 100);
  octal(100, entry.mode & 0o7777, 7);
  octal(108, entry.uid, 7);
  octal(116, entry.gid, 7);
  octal(124, entry.size, 11);
  octal(136, entry.mtime, 11);
  out[156] = flag.charCodeAt(0);
  put(157, utf8.encode(entry.link), 100);
  put(257, utf8.encode("ustar\0" + "00"), 8);
  out.fill(0x20, 148, 156);
  const sum = out.reduce((total, byte) => total + byte, 0);
  put(148, utf8.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 8);
  return out;
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

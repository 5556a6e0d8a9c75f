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

const bytesOf = (text: string) => Buffer.from(text, "latin1");

/** Two empty blocks. */
export const endOfArchive = new Uint8Array(2 * blockSize);

/** Seconds that fit into a header and into squashfs. */
const maxTime = 0xffffffff;

/** The header blocks of one entry; content and `padding` follow. Times before 1970 become 1970. */
export function encodeHeader(entry: TarEntry): Uint8Array {
  const records: Uint8Array[] = [];
  if (entry.name.length > 99) records.push(paxRecord("path", entry.name));
  if (entry.size > 0o77777777777) records.push(paxRecord("size", String(entry.size)));
  if (entry.uid > 0o7777777) records.push(paxRecord("uid", String(entry.uid)));
  if (entry.gid > 0o7777777) records.push(paxRecord("gid", String(entry.gid)));
  for (const [name, value] of entry.xattrs ?? []) records.push(paxRecord(`SCHILY.xattr.${name}`, value));
  const long = entry.link.length > 100 ? [longLink(entry)] : [];
  const own = headerBlock(entry, flags[entry.kind]);
  if (records.length === 0) return long.length === 0 ? own : join([...long, own]);
  const body = join(records);
  const extension = headerBlock({ ...entry, name: "pax", mode: 0o644, size: body.length, link: "", device: null }, "x");
  return join([...long, extension, body, padding(body.length), own]);
}

/** GNU's way: of a target in a pax record sqfstar (4.5) takes `/`, `./` and `../` off. */
function longLink(entry: TarEntry): Uint8Array {
  const body = bytesOf(`${entry.link}\0`);
  const head = { ...entry, name: "././@LongLink", mode: 0o644, size: body.length, link: "", device: null };
  return join([headerBlock(head, "K"), body, padding(body.length)]);
}

/** The zeros that follow `size` bytes of content. */
export function padding(size: number): Uint8Array {
  return new Uint8Array((blockSize - (size % blockSize)) % blockSize);
}

/** One header as it is, without extensions. @param flag the type's character */
export function headerBlock(entry: TarEntry, flag: string): Uint8Array {
  const out = new Uint8Array(blockSize);
  const put = (at: number, bytes: Uint8Array, room: number) => out.set(bytes.subarray(0, room), at);
  const octal = (at: number, value: number, digits: number) => {
    const fits = value >= 0 && value < 8 ** digits;
    put(at, bytesOf((fits ? Math.floor(value) : 0).toString(8).padStart(digits, "0")), digits);
  };
  put(0, bytesOf(entry.kind === "folder" && flag === "5" ? `${entry.name}/` : entry.name), 100);
  octal(100, entry.mode & 0o7777, 7);
  octal(108, entry.uid, 7);
  octal(116, entry.gid, 7);
  octal(124, entry.size, 11);
  octal(136, Math.min(Math.max(0, entry.mtime), maxTime), 11);
  out[156] = flag.charCodeAt(0);
  put(157, bytesOf(entry.link), 100);
  put(257, bytesOf("ustar\0" + "00"), 8);
  if (entry.device) {
    octal(329, entry.device.major, 7);
    octal(337, entry.device.minor, 7);
  }
  out.fill(0x20, 148, 156);
  const sum = out.reduce((total, byte) => total + byte, 0);
  put(148, bytesOf(`${sum.toString(8).padStart(6, "0")}\0 `), 8);
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

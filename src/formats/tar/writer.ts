/** Writes tar headers reproducibly: ustar, with a pax record if a name or number does not fit. */
import { concat } from "../concat.ts";
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

/** Two zero blocks. */
export const endOfArchive = new Uint8Array(2 * blockSize);

/** Latest time, in seconds, that fits into a header and into squashfs. */
const maxTime = 0xffffffff;
const maxLink = 100;
const second = 1_000_000_000n;

/** The header blocks of one entry; content and `padding` must follow. Times before 1970 become 1970. */
export function encodeHeader(entry: TarEntry): Uint8Array {
  const records: Uint8Array[] = [];
  if (entry.name.length > 99) records.push(paxRecord("path", entry.name));
  const long = entry.link.length > maxLink ? [longLink(entry)] : [];
  return withRecords(entry, records, long);
}

/**
 * The same with a time in nanoseconds, and long names in as few blocks as ustar allows; for readers that support pax.
 * @param mtimeNs Unix time in `ns`, may be before 1970
 */
export function encodeExactHeader(entry: TarEntry, mtimeNs: bigint): Uint8Array {
  const records: Uint8Array[] = [];
  const isFolder = entry.kind === "folder";
  const split = splitName(isFolder ? `${entry.name}/` : entry.name);
  if (split === null) records.push(paxRecord("path", isFolder ? `${entry.name}/` : entry.name));
  if (entry.link.length > maxLink) records.push(paxRecord("linkpath", entry.link));
  const seconds = mtimeNs / second;
  const isPlain = mtimeNs >= 0 && mtimeNs % second === 0n && seconds <= maxTime;
  if (!isPlain) records.push(paxRecord("mtime", paxTime(mtimeNs)));
  return withRecords({ ...entry, mtime: Number(seconds) }, records, [], split?.prefix);
}

function withRecords(entry: TarEntry, records: Uint8Array[], long: Uint8Array[], prefix = ""): Uint8Array {
  if (entry.size > 0o77777777777) records.push(paxRecord("size", String(entry.size)));
  if (entry.uid > 0o7777777) records.push(paxRecord("uid", String(entry.uid)));
  if (entry.gid > 0o7777777) records.push(paxRecord("gid", String(entry.gid)));
  for (const [name, value] of entry.xattrs ?? []) records.push(paxRecord(`SCHILY.xattr.${name}`, value));
  const own = headerBlock(entry, flags[entry.kind], prefix);
  if (records.length === 0) return long.length === 0 ? own : concat([...long, own]);
  const body = concat(records);
  const extension = headerBlock({ ...entry, name: "pax", mode: 0o644, size: body.length, link: "", device: null }, "x");
  return concat([...long, extension, body, padding(body.length), own]);
}

/** Splits a name for ustar: 100 bytes, or up to 155 more before a `/`; null if it does not fit. */
function splitName(name: string): { prefix: string } | null {
  if (name.length <= 100) return { prefix: "" };
  const cut = name.indexOf("/", name.length - 101);
  return cut <= 0 || cut > 155 || cut === name.length - 1 ? null : { prefix: name.slice(0, cut) };
}

/** POSIX.1-2017, pax, "pax Extended Header File Times": decimal seconds, with a minus before 1970. */
function paxTime(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  const fraction = String(size % second)
    .padStart(9, "0")
    .replace(/0+$/, "");
  return `${ns < 0n ? "-" : ""}${size / second}${fraction === "" ? "" : `.${fraction}`}`;
}

/** GNU's long link: sqfstar (4.5) strips `/`, `./` and `../` from a target in a pax record. */
function longLink(entry: TarEntry): Uint8Array {
  const body = bytesOf(`${entry.link}\0`);
  const head = { ...entry, name: "././@LongLink", mode: 0o644, size: body.length, link: "", device: null };
  return concat([headerBlock(head, "K"), body, padding(body.length)]);
}

/** The zeros that follow `size` bytes of content. */
export function padding(size: number): Uint8Array {
  return new Uint8Array((blockSize - (size % blockSize)) % blockSize);
}

/** One header without extensions. @param flag the type flag @param prefix leading part of the name, before a `/` */
export function headerBlock(entry: TarEntry, flag: string, prefix = ""): Uint8Array {
  const out = Buffer.alloc(blockSize);
  const octal = (at: number, value: number, digits: number) => {
    const fits = value >= 0 && value < 8 ** digits;
    out.write((fits ? Math.floor(value) : 0).toString(8).padStart(digits, "0"), at, digits, "latin1");
  };
  const name = prefix === "" ? entry.name : entry.name.slice(prefix.length + 1);
  out.write(entry.kind === "folder" && flag === "5" ? `${name}/` : name, 0, 100, "latin1");
  octal(100, entry.mode & 0o7777, 7);
  octal(108, entry.uid, 7);
  octal(116, entry.gid, 7);
  octal(124, entry.size, 11);
  octal(136, Math.min(Math.max(0, entry.mtime), maxTime), 11);
  out[156] = flag.charCodeAt(0);
  out.write(entry.link, 157, 100, "latin1");
  out.write("ustar\0" + "00", 257, 8, "latin1");
  if (entry.device) {
    octal(329, entry.device.major, 7);
    octal(337, entry.device.minor, 7);
  }
  out.write(prefix, 345, 155, "latin1");
  out.fill(0x20, 148, 156);
  let sum = 0;
  for (let at = 0; at < blockSize; at++) sum += out[at] as number;
  out.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return out;
}

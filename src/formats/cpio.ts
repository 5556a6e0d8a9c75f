/** Writes the "newc" cpio format, from which the kernel unpacks its initramfs; equal content makes equal bytes. */
import { concat } from "./concat.ts";

export type CpioEntry =
  | { name: string; kind: "folder"; mode: number }
  | { name: string; kind: "file"; mode: number; content: Uint8Array }
  | { name: string; kind: "device"; mode: number; major: number; minor: number };

const types = { folder: 0o040000, file: 0o100000, device: 0o020000 } as const;
const utf8 = new TextEncoder();

/** Entries in the given order: folders before their content. Owner root, time 0. */
export function encodeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const trailer = encodeEntry({ name: "TRAILER!!!", kind: "file", mode: 0, content: new Uint8Array() }, 0, 0);
  return concat([...entries.flatMap((entry, index) => encodeEntry(entry, index + 1)), ...trailer]);
}

function encodeEntry(entry: CpioEntry, inode: number, type: number = types[entry.kind]): Uint8Array[] {
  const name = utf8.encode(`${entry.name}\0`);
  const content = entry.kind === "file" ? entry.content : new Uint8Array();
  const [major, minor] = entry.kind === "device" ? [entry.major, entry.minor] : [0, 0];
  const links = entry.kind === "folder" ? 2 : 1;
  const fields = [inode, type | entry.mode, 0, 0, links, 0, content.length, 0, 0, major, minor, name.length, 0];
  const header = `070701${fields.map((value) => value.toString(16).padStart(8, "0")).join("")}`;
  const head = new Uint8Array(header.length + name.length);
  head.set(utf8.encode(header));
  head.set(name, header.length);
  return [head, fill(head.length), content, fill(content.length)];
}

/** Zeros up to the next multiple of 4. */
function fill(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}

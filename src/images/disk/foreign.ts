/** Recognizes disk images and file systems that banger can't read, by their first bytes. */
import { quoteArgs } from "../../base/text.ts";

/** bytes at the beginning of a file that are examined */
export const foreignEnd = 0x10048;

export type Foreign = {
  /** as in "is …" */
  what: string;
  /** what to do instead */
  next: string;
};

type Mark = { what: string; at: number; bytes: string; next: (path: string) => string };

const convert = (path: string) => `make a raw disk of it: \`qemu-img convert -O raw ${path} disk.raw\``;
const takeOut = (path: string) =>
  `take its root partition out: \`sfdisk --dump ${path}\` shows the start and size of each, then \`dd if=${path} of=root.ext4 skip=START count=SIZE\``;
const asTar = () => "mount it on a machine where you trust it, make a tar of its files, and register that";

const marks: readonly Mark[] = [
  { what: "a qcow2 disk image", at: 0, bytes: "QFI\xfb", next: convert },
  { what: "a VMDK disk image", at: 0, bytes: "KDMV", next: convert },
  { what: "a VMDK description", at: 0, bytes: "# Disk DescriptorFile", next: convert },
  { what: "a VHDX disk image", at: 0, bytes: "vhdxfile", next: convert },
  { what: "a VHD disk image", at: 0, bytes: "conectix", next: convert },
  { what: "a VirtualBox disk image", at: 0x40, bytes: "\x7f\x10\xda\xbe", next: convert },
  { what: "an encrypted disk (LUKS)", at: 0, bytes: "LUKS\xba\xbe", next: asTar },
  { what: "an LVM volume", at: 512, bytes: "LABELONE", next: asTar },
  { what: "an XFS file system", at: 0, bytes: "XFSB", next: asTar },
  { what: "a btrfs file system", at: 0x10040, bytes: "_BHRfS_M", next: asTar },
  { what: "an F2FS file system", at: 1024, bytes: "\x10\x20\xf5\xf2", next: asTar },
  { what: "an EROFS file system", at: 1024, bytes: "\xe2\xe1\xf5\xe0", next: asTar },
  { what: "an ISO 9660 image", at: 0x8001, bytes: "CD001", next: asTar },
  { what: "a partitioned disk (GPT)", at: 512, bytes: "EFI PART", next: takeOut },
  { what: "a partitioned disk (GPT)", at: 4096, bytes: "EFI PART", next: takeOut },
];

/** Null if the format is not recognized. @param head never of an ext4 file system */
export function foreignKind(head: Uint8Array, path: string): Foreign | null {
  const found = marks.find(({ at, bytes }) => textAt(head, at, bytes.length) === bytes);
  const quoted = quoteArgs([path]);
  if (found) return { what: found.what, next: found.next(quoted) };
  return isPartitioned(head) ? { what: "a partitioned disk", next: takeOut(quoted) } : null;
}

/** A master boot record: its signature, and a table whose entries are valid or empty. */
function isPartitioned(head: Uint8Array): boolean {
  if (head[510] !== 0x55 || head[511] !== 0xaa) return false;
  const entries = [446, 462, 478, 494].map((at) => ({ flag: head[at] ?? 0, type: head[at + 4] ?? 0 }));
  return entries.some(({ type }) => type !== 0) && entries.every(({ flag }) => flag === 0 || flag === 0x80);
}

function textAt(head: Uint8Array, at: number, length: number): string {
  return Buffer.from(head.buffer, head.byteOffset, head.length).toString("latin1", at, at + length);
}

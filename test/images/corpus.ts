/** Layers as writers of all kinds make them, for `compare.ts`: each case once, as small as it can be. */
import type { TarEntry } from "../../src/formats/tar/header.ts";
import { paxRecord } from "../../src/formats/tar/pax.ts";
import { archive, type Member } from "../../src/formats/tar/testing/archive.ts";
import { encodeHeader, endOfArchive, headerBlock, padding } from "../../src/formats/tar/writer.ts";

export const tools = ["umoci", "tar", "bsdtar"] as const;
export type Tool = (typeof tools)[number];

export type Case = {
  name: string;
  /** tar streams, lowest first; those of one layer are held against tar and bsdtar too */
  layers: Uint8Array[];
  /** why a tool's tree is another one, in a line */
  differs?: Partial<Record<Tool, string>>;
};

const time = 1_600_000_000;
const plain: TarEntry = { name: "", kind: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: time, link: "" };

function file(name: string, text = "", changes: Partial<TarEntry> = {}): Member {
  const content = new Uint8Array(Buffer.from(text, "latin1"));
  return { entry: { ...plain, name, size: content.length, ...changes }, content };
}
const folder = (name: string, changes: Partial<TarEntry> = {}): Member => ({
  entry: { ...plain, name, kind: "folder", mode: 0o755, ...changes },
});
const symlink = (name: string, link: string): Member => ({
  entry: { ...plain, name, kind: "symlink", mode: 0o777, link },
});
const hard = (name: string, link: string): Member => ({ entry: { ...plain, name, kind: "hardlink", link } });
const fifo = (name: string): Member => ({ entry: { ...plain, name, kind: "fifo" } });
const layer = (...members: Member[]): Uint8Array => archive(members);

const climbing = "it refuses names with `..`";
const followed = "it puts no file through a symlink that it extracted itself";
const keptApart = "it extracts aufs's own files too; docker does not, nor do we";

export const corpus: readonly Case[] = [
  {
    name: "files, folders, links",
    layers: [layer(folder("d"), file("d/f", "x"), symlink("l", "d/f"), hard("h", "d/f"))],
  },
  {
    name: "modes",
    layers: [layer(folder("t", { mode: 0o1777 }), file("s", "x", { mode: 0o4755 }), file("g", "", { mode: 0o2711 }))],
  },
  { name: "a fifo", layers: [layer(fifo("p"), hard("q", "p"), file("f"))] },
  { name: "hard links to a symlink", layers: [layer(file("f", "x"), symlink("l", "f"), hard("h", "l"))] },
  { name: "names in ./", layers: [layer(folder("./"), folder("./d"), file("./d/f", "x"), hard("./h", "./d/f"))] },
  { name: "names with // and /./", layers: [layer(folder("d"), file("d//f", "x"), file("d/./g", "y"))] },
  { name: "long names", layers: [layer(folder("d".repeat(150)), file(`${"d".repeat(150)}/${"f".repeat(200)}`, "x"))] },
  { name: "names that are no UTF-8", layers: [layer(file("caf\xe9", "x"))] },
  { name: "folders that nobody describes", layers: [layer(file("a/b/c", "x"))] },
  { name: "folders after their files", layers: [layer(file("a/b", "x"), folder("a", { mode: 0o700 }))] },
  { name: "a folder twice", layers: [layer(folder("a"), file("a/f", "x"), folder("a", { mode: 0o711 }))] },

  { name: "absolute names", layers: [layer(folder("/"), folder("/d"), file("/d/f", "x"), file("//g", "y"))] },
  {
    name: "absolute hard-link targets",
    layers: [layer(file("f", "x"), hard("h", "/f"), file("/g", "y"), hard("/i", "//g"))],
  },
  { name: "absolute symlinks", layers: [layer(folder("d"), symlink("l", "/d"), symlink("up", "../../d"), file("f"))] },
  {
    name: ".. inside",
    layers: [layer(folder("a"), file("a/../f", "x"), hard("h", "a/../f"))],
    differs: { tar: climbing, bsdtar: climbing },
  },
  {
    name: ".. that climbs out",
    layers: [layer(folder("a"), file("../../f", "x"), file("a/../../g", "y"), hard("h", "../f"))],
    differs: { tar: climbing, bsdtar: climbing },
  },

  {
    name: "through a symlink of the layer",
    layers: [layer(folder("d"), symlink("l", "d"), file("l/f", "x"))],
    differs: { bsdtar: followed },
  },
  {
    name: "through an absolute symlink of the layer",
    layers: [layer(folder("d"), symlink("l", "/d"), file("l/f", "x"), folder("l/s"), file("l/s/g", "y"))],
    differs: { tar: followed, bsdtar: followed },
  },
  {
    name: "through a symlink that climbs out",
    layers: [layer(folder("d"), symlink("d/l", "../../../../e"), folder("e"), file("d/l/f", "x"))],
    differs: { tar: followed, bsdtar: followed },
  },
  {
    name: "through a symlink to nothing",
    layers: [layer(symlink("l", "d/e"), file("l/f", "x"))],
    differs: { tar: followed, bsdtar: followed },
  },
  {
    name: "through two symlinks",
    layers: [layer(folder("a"), symlink("b", "a"), symlink("c", "b"), file("c/f", "x"))],
    differs: { bsdtar: followed },
  },
  {
    name: "a hard link through a symlink",
    layers: [layer(folder("d"), file("d/f", "x"), symlink("l", "d"), hard("h", "l/f"))],
    differs: { bsdtar: followed },
  },
  {
    name: "a symlink in place of a folder",
    layers: [layer(folder("d"), file("d/old", "x"), folder("e"), symlink("d", "e"), file("d/f", "y"))],
    differs: { tar: "it keeps a folder that is not empty", bsdtar: "it keeps a folder that is not empty" },
  },

  { name: "a file twice", layers: [layer(file("f", "old", { mode: 0o600 }), file("g"), file("f", "newer"))] },
  { name: "a file, a link to it, the file again", layers: [layer(file("a", "1"), hard("b", "a"), file("a", "22"))] },
  {
    name: "a link, and its own name again",
    layers: [layer(file("a", "1"), hard("b", "a"), file("b", "22"), hard("c", "b"))],
  },
  { name: "a link twice", layers: [layer(file("a", "1"), file("b", "2"), hard("l", "a"), hard("l", "b"))] },
  {
    name: "a link to itself",
    layers: [layer(file("a", "1"), hard("b", "a"), hard("a", "a"), hard("b", "b"))],
    differs: {
      umoci: "it removes a name before it links to it",
      bsdtar: "it removes a name before it links to it",
    },
  },
  { name: "a symlink twice", layers: [layer(symlink("l", "a"), symlink("l", "b"), file("f"))] },
  { name: "a symlink, then a file", layers: [layer(file("f", "x"), symlink("l", "f"), file("l", "y"))] },
  { name: "a file, then a folder", layers: [layer(file("x", "1"), folder("x"), file("x/f", "2"))] },
  { name: "an empty folder, then a file", layers: [layer(folder("x"), file("x", "1"))] },
  {
    name: "a full folder, then a file",
    layers: [layer(folder("x"), file("x/f", "1"), hard("kept", "x/f"), file("x", "2"))],
    differs: { tar: "it keeps a folder that is not empty", bsdtar: "it keeps a folder that is not empty" },
  },
  { name: "a fifo, then a file", layers: [layer(fifo("x"), file("x", "1"))] },
  { name: "a file, then a symlink", layers: [layer(file("x", "1"), symlink("x", "y"), file("f"))] },

  { name: "folders of v7 tars", layers: [old(file("bin/", "", { mode: 0o755 }), file("bin/a", "x"))] },
  {
    name: "times before 1970",
    layers: [dated("-5")],
    differs: {
      umoci: "squashfs has no time before 1970",
      tar: "squashfs has no time before 1970",
      bsdtar: "squashfs has no time before 1970",
    },
  },
  {
    name: "times after 2106",
    layers: [dated("8589934592")],
    differs: {
      umoci: "squashfs has no time after 2106",
      tar: "squashfs has no time after 2106",
      bsdtar: "squashfs has no time after 2106",
    },
  },
  { name: "a header's checksum over signed bytes", layers: [signed(file("caf\xe9", "x"))] },
  {
    name: "empty records of pax",
    layers: [emptyRecords()],
    differs: { tar: "it takes them for damage", bsdtar: "it takes an empty time for 0" },
  },
  {
    name: "GNU tar's label of an archive",
    layers: [new Uint8Array(Buffer.concat([headerBlock({ ...plain, name: "label" }, "V"), layer(file("a", "x"))]))],
    differs: { umoci: "it knows no labels" },
  },
  {
    name: "a folder of GNU tar's incremental dumps",
    layers: [dumped()],
    differs: { umoci: "it knows no such folders" },
  },
  { name: "times in the last year of squashfs", layers: [dated("4294967295")] },
  { name: "a sparse file of format 0.0", layers: [sparse00()] },
  { name: "no end marker", layers: [archive([file("a", "x")], new Uint8Array())] },
  { name: "one empty block for an end marker", layers: [archive([file("a", "x")], new Uint8Array(512))] },
  {
    name: "something behind the end marker",
    layers: [new Uint8Array(Buffer.concat([layer(file("a", "x")), layer(file("b", "y"))]))],
  },

  { name: "a whiteout of a file", layers: [layer(file("a", "x"), file("b", "y")), layer(file(".wh.a"))] },
  {
    name: "a whiteout of a folder",
    layers: [layer(folder("d"), file("d/f", "x"), file("b", "y")), layer(file(".wh.d"))],
  },
  { name: "a whiteout of nothing", layers: [layer(file("a", "x")), layer(file(".wh.b"), file("d/.wh.e"))] },
  { name: "a whiteout below a file", layers: [layer(file("a", "x"), file("z")), layer(file("a/.wh.b"))] },
  {
    name: "a whiteout through a symlink",
    layers: [layer(folder("d"), file("d/f", "x"), file("d/g"), symlink("l", "d")), layer(file("l/.wh.f"))],
  },
  {
    name: "a folder removed and made again",
    layers: [layer(folder("d"), file("d/f", "x")), layer(file(".wh.d"), folder("d"), file("d/g", "y"))],
  },
  {
    name: "an opaque folder",
    layers: [layer(folder("d"), file("d/f", "x")), layer(folder("d"), file("d/.wh..wh..opq"), file("d/g", "y"))],
  },
  {
    name: "an opaque folder, said last",
    layers: [layer(folder("d"), file("d/f", "x")), layer(folder("d"), file("d/g", "y"), file("d/.wh..wh..opq"))],
  },
  { name: "a folder over a file", layers: [layer(file("x", "1")), layer(folder("x"), file("x/f", "2"))] },
  { name: "a file over a folder", layers: [layer(folder("x"), file("x/f", "1")), layer(file("x", "2"))] },
  {
    name: "a folder over a symlink",
    layers: [layer(folder("d"), file("d/f", "x"), symlink("l", "d")), layer(folder("l"), file("l/g", "y"))],
  },
  {
    name: "a file under a symlink of a lower layer",
    layers: [layer(folder("d"), symlink("l", "d")), layer(file("l/g", "y"))],
  },
  {
    name: "a file under an absolute symlink of a lower layer",
    layers: [layer(folder("d"), symlink("l", "/d")), layer(file("l/g", "y"), file("l/g", "z"))],
  },
  {
    name: "a file, then a folder, above a folder",
    layers: [layer(folder("x"), file("x/old", "1")), layer(file("x", "2"), folder("x"), file("x/new", "3"))],
  },
  {
    name: "a hard link to a file of a lower layer",
    layers: [layer(folder("d"), file("d/a", "x"), hard("d/b", "d/a")), layer(hard("c", "d/a"))],
  },
  {
    name: "a hard link through a lower symlink",
    layers: [layer(folder("d"), file("d/a", "x"), symlink("l", "d")), layer(hard("b", "l/a"))],
  },
  {
    name: "a hard link through a lower absolute symlink",
    layers: [layer(folder("d"), file("d/a", "x"), symlink("l", "/d")), layer(hard("b", "/l/a"))],
  },
  {
    name: "a hard link to a lower file that comes later",
    layers: [layer(file("a", "old")), layer(hard("b", "a"), file("a", "new"))],
  },
  {
    name: "what aufs left behind",
    layers: [
      layer(
        folder(".wh..wh.plnk"),
        file(".wh..wh.plnk/1.2", "x"),
        hard("a", ".wh..wh.plnk/1.2"),
        hard("b", ".wh..wh.plnk/1.2"),
        file(".wh..wh.aufs"),
        folder(".wh..wh.orph"),
      ),
    ],
    differs: { umoci: keptApart },
  },
  {
    name: "a file named like a whiteout, in one layer",
    layers: [layer(file("a", "x"), file(".wh.note", "y"))],
  },
];

/** As tars before POSIX have it: the type is a NUL, and there is no magic number. */
function old(...members: Member[]): Uint8Array {
  const parts = members.flatMap(({ entry, content = new Uint8Array() }) => {
    const head = headerBlock(entry, "\0");
    head.fill(0, 257, 345);
    return [summed(head), content, padding(content.length)];
  });
  return new Uint8Array(Buffer.concat([...parts, endOfArchive]));
}

function summed(head: Uint8Array): Uint8Array {
  head.fill(0x20, 148, 156);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return head;
}

/** With its checksum as programs have it to which bytes are signed numbers. */
function signed({ entry, content = new Uint8Array() }: Member): Uint8Array {
  const head = encodeHeader(entry);
  head.fill(0x20, 148, 156);
  const sum = head.reduce((total, byte) => total + (byte > 0x7f ? byte - 256 : byte), 0);
  head.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return new Uint8Array(Buffer.concat([head, content, padding(content.length), endOfArchive]));
}

function emptyRecords(): Uint8Array {
  const records = ["path", "uid", "mtime"].map((key) => paxRecord(key, ""));
  return new Uint8Array(Buffer.concat([extended(file("a", "x"), records), endOfArchive]));
}

function dumped(): Uint8Array {
  const list = Buffer.from("Yf\0\0");
  const head = headerBlock({ ...plain, name: "d/", mode: 0o755, size: list.length }, "D");
  return new Uint8Array(Buffer.concat([head, list, padding(list.length), layer(file("d/f", "x"))]));
}

function extended(member: Member, records: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(records);
  const { entry, content = new Uint8Array() } = member;
  const head = headerBlock({ ...entry, name: "pax", size: body.length }, "x");
  return Buffer.concat([head, body, padding(body.length), encodeHeader(entry), content, padding(content.length)]);
}

function dated(text: string): Uint8Array {
  return new Uint8Array(Buffer.concat([extended(file("dated", "x"), [paxRecord("mtime", text)]), endOfArchive]));
}

/** 20,000 bytes, of which five are no zeros. */
function sparse00(): Uint8Array {
  const map = [
    [0, 0],
    [10_000, 5],
    [20_000, 0],
  ].flatMap(([offset, bytes]) => [
    paxRecord("GNU.sparse.offset", String(offset)),
    paxRecord("GNU.sparse.numbytes", String(bytes)),
  ]);
  const records = [paxRecord("GNU.sparse.size", "20000"), paxRecord("GNU.sparse.numblocks", "3"), ...map];
  return new Uint8Array(Buffer.concat([extended(file("sparse", "12345"), records), endOfArchive]));
}

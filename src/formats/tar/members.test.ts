/** The forms in which a tar stream describes its members, block by block. */
import { describe, expect, test } from "bun:test";
import { type TarEntry, TarError } from "./header.ts";
import { paxRecord } from "./pax.ts";
import { TarScanner } from "./scanner.ts";
import { anyTar } from "./testing/archive.ts";
import { encodeHeader, endOfArchive, padding } from "./writer.ts";

const plain = { uid: 0, gid: 0, mtime: 0, mode: 0o644, link: "" };

/** A header, overwritten with what the writer would not write. */
function header(type: string, size: number, change: (block: Uint8Array) => void = () => {}): Uint8Array {
  const block = encodeHeader({ ...plain, name: "x", kind: "file", size });
  block[156] = type.charCodeAt(0);
  change(block);
  block.fill(0x20, 148, 156);
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return block;
}

function extension(type: string, body: Uint8Array): Uint8Array {
  return Buffer.concat([header(type, body.length), body, padding(body.length)]);
}

type Read = { entries: TarEntry[]; content: string };

/** Entries, and the content with a dot for each byte of a hole. `cut`: the size of each chunk. */
function read(parts: readonly Uint8Array[], cut = 512): Read {
  const found: Read = { entries: [], content: "" };
  const scanner = new TarScanner(
    {
      entry: (entry) => void found.entries.push(entry),
      data: (chunk) => {
        found.content += Buffer.from(chunk).toString("latin1");
      },
      hole: (bytes) => {
        found.content += ".".repeat(bytes);
      },
      padding() {},
    },
    anyTar,
  );
  const bytes = Buffer.concat(parts);
  for (let at = 0; at < bytes.length; at += cut) scanner.push(bytes.subarray(at, at + cut));
  scanner.finish();
  return found;
}

const only = (parts: readonly Uint8Array[]) => read([...parts, endOfArchive]).entries[0];
const octal = (value: number) => Buffer.from(`${value.toString(8).padStart(11, "0")}\0`);

describe("old GNU sparse files", () => {
  const part = (offset: number, length: number) => Buffer.concat([octal(offset), octal(length)]);

  /** One byte at every second place, `count` parts of them. */
  function sparse(count: number): Uint8Array[] {
    const parts = [...Array(count).keys()].map((at) => part(2 * at + 1, 1));
    const head = header("S", count, (block) => {
      for (const [at, one] of parts.slice(0, 4).entries()) block.set(one, 386 + 24 * at);
      block[482] = count > 4 ? 1 : 0;
      block.set(octal(2 * count + 1), 483);
    });
    const blocks = [head];
    for (let from = 4; from < count; from += 21) {
      const block = new Uint8Array(512);
      for (const [at, one] of parts.slice(from, from + 21).entries()) block.set(one, 24 * at);
      block[504] = count > from + 21 ? 1 : 0;
      blocks.push(block);
    }
    return [...blocks, Buffer.alloc(count, 0x61), padding(count)];
  }

  for (const count of [1, 4, 5, 25, 26]) {
    test(`${count} parts`, () => {
      for (const cut of [512, 700, 65_536]) {
        const { entries, content } = read([...sparse(count), endOfArchive], cut);
        expect(entries).toMatchObject([{ name: "x", kind: "file", size: 2 * count + 1 }]);
        expect(content).toBe(`${".a".repeat(count)}.`);
      }
    });
  }

  test("the size ends where its field does", () => {
    const [head = new Uint8Array(512), ...rest] = sparse(2);
    const filled = header("S", 2, (block) => {
      block.set(head.subarray(386, 495), 386);
      block.fill(0x61, 495);
    });
    expect(read([filled, ...rest, endOfArchive]).content).toBe(".a.a.");
  });

  test("a stream that ends in the map is cut short", () => {
    expect(() => read(sparse(5).slice(0, 1))).toThrow("it is cut short");
  });
});

test("the map of PAX sparse format 0.1", () => {
  const records = [paxRecord("GNU.sparse.size", "4"), paxRecord("GNU.sparse.map", "1,1,3,1")];
  const stream = [extension("x", Buffer.concat(records)), header("0", 2), Buffer.from("ab"), padding(2), endOfArchive];
  expect(read(stream).content).toBe(".a.b");
  for (const record of records)
    expect(() => read([extension("x", record), header("0", 0), endOfArchive])).toThrow("of an unknown format");
});

test("a folder can't be sparse", () => {
  const records = [paxRecord("GNU.sparse.size", "4"), paxRecord("GNU.sparse.map", "1,1,3,1")];
  expect(() => only([extension("x", Buffer.concat(records)), header("5", 0)])).toThrow('"x" is sparse but not a file');
});

test("GNU's long names and link targets end at a NUL, or with the block", () => {
  const name = "n".repeat(300).replace(/.{100}/g, "$&/");
  for (const end of ["\0", "", "\0rest"]) {
    const long = (type: string, text: string) => extension(type, Buffer.from(`${text}${end}`));
    expect(only([long("L", name), header("0", 0)])).toMatchObject({ name: name.slice(0, -1), link: "" });
    expect(only([long("K", "there"), header("2", 0)])).toMatchObject({ name: "x", link: "there" });
  }
  expect(only([extension("L", Buffer.from("\0n")), header("5", 0)])).toMatchObject({ name: "" });
});

test("an extension of one byte, of a block and of a byte more", () => {
  for (const size of [1, 2, 512, 513, 1024, 1025])
    expect(only([extension("L", Buffer.alloc(size, "a/")), header("0", 0)])?.name).toHaveLength(
      size - ((size + 1) % 2),
    );
  // an extension of no length has no effect
  expect(only([extension("L", new Uint8Array()), header("0", 0)])).toMatchObject({ name: "x" });
});

test("extensions that nothing follows", () => {
  const some = [extension("x", paxRecord("path", "a"))];
  expect(() => read([...some, endOfArchive])).toThrow("an extension has no header after it");
  expect(() => read(some)).toThrow("it is cut short");
  expect(() => read([header("L", 0), endOfArchive])).toThrow("an extension has no header after it");
});

test("a stream that ends within a header, a content or its padding is cut short", () => {
  const whole = Buffer.concat([header("0", 1), Buffer.from("a"), padding(1)]);
  for (const length of [512, 513, 514, 1023])
    expect(() => read([whole.subarray(0, length)])).toThrow("it is cut short");
  expect(() => read([whole, endOfArchive.subarray(0, 1)])).toThrow("it is cut short");
  expect(() => read([whole])).toThrow("it has no end marker");
  expect(read([whole, endOfArchive.subarray(0, 512)]).entries).toHaveLength(1);
});

test("a stream shorter than a block is not an archive, and an empty one has no end marker", () => {
  for (const length of [1, 2, 511]) expect(() => read([new Uint8Array(length)])).toThrow("it is not a tar archive");
  expect(() => read([])).toThrow("it has no end marker");
});

test("a folder has no content, whatever its header says", () => {
  const slashed = (size: number) => header("0", size, (block) => block.set(Buffer.from("x/")));
  const size = (bytes: number) => extension("x", paxRecord("size", `${bytes}`));
  const problem = new TarError('"x/" is a folder with content');
  expect(only([slashed(0)])).toMatchObject({ name: "x", kind: "folder" });
  expect(() => only([slashed(1)])).toThrow(problem);
  expect(() => only([size(1), slashed(0)])).toThrow(problem);
  expect(only([size(0), slashed(1)])).toMatchObject({ name: "x", kind: "folder" });
});

test("a bad first header means that it is not an archive; a later one is a damaged header", () => {
  const garbage = Buffer.alloc(512, "x");
  const damaged = "a header's checksum is not a number";
  expect(() => read([garbage, endOfArchive])).toThrow(new TarError("it is not a tar archive"));
  const summed = header("0", 0);
  summed[0] = "y".charCodeAt(0);
  expect(() => read([summed, endOfArchive])).toThrow(new TarError("it is not a tar archive"));
  expect(() => read([header("0", 0), garbage, endOfArchive])).toThrow(new TarError(damaged));
  expect(() => read([header("L", 0), garbage, endOfArchive])).toThrow(new TarError(damaged));
  expect(() => read([header("0", 0), header("L", 0), garbage, endOfArchive])).toThrow(new TarError(damaged));
});

test("only devices have numbers, and an unknown type is refused", () => {
  for (const type of ["3", "4"]) expect(only([header(type, 0)])?.device).toEqual({ major: 0, minor: 0 });
  for (const type of ["0", "1", "2", "5", "6"])
    expect(only([header(type, 0, (block) => block.set([0x61], 157))])?.device).toBeUndefined();
  for (const type of ["8", "A", "M"]) expect(() => only([header(type, 0)])).toThrow('"x" is of an unknown type');
});

test("extended attributes are there when there is one", () => {
  const attribute = paxRecord("SCHILY.xattr.user.a", "1");
  expect(only([extension("x", attribute), header("0", 0)])?.xattrs).toEqual(new Map([["user.a", "1"]]));
  expect(only([header("0", 0)])?.xattrs).toBeUndefined();
});

test.each([
  ["5.25", 5, 250_000_000],
  ["5.000000001", 5, 1],
  ["5.9999999999", 5, 999_999_999],
  ["5.", 5, undefined],
  ["5", 5, undefined],
  ["5.0000000009", 5, undefined],
  ["-1.25", -2, 750_000_000],
  ["-0.000000001", -1, 999_999_999],
])("a pax mtime of %s has a second and a rest", (text, mtime, nanoseconds) => {
  const entry = only([extension("x", paxRecord("mtime", text)), header("0", 0)]);
  expect([entry?.mtime, entry?.nanoseconds]).toEqual([mtime, nanoseconds]);
});

test("times of pax have up to 30 digits on each side of the point", () => {
  const time = (text: string) => only([extension("x", paxRecord("mtime", text)), header("0", 0)])?.mtime;
  expect([time("7"), time("7.9"), time("7.")]).toEqual([7, 7, 7]);
  for (const text of ["9".repeat(30), `1.${"9".repeat(30)}`]) expect(time(text)).toBeNumber();
  for (const text of ["x", "1e9", "+1", "9".repeat(31), `1.${"9".repeat(31)}`])
    expect(() => time(text)).toThrow(new TarError("a pax mtime is not a number"));
});

test("an empty pax record cancels an earlier one, and makes an attribute empty", () => {
  const empty = ["path", "linkpath", "size", "uid", "gid", "mtime"].map((key) => paxRecord(key, ""));
  const said = extension("x", paxRecord("path", "long"));
  const numbered = header("0", 2, (block) => block.set(octal(7), 136));
  const stream = [said, extension("x", Buffer.concat(empty)), numbered, Buffer.from("ab"), padding(2), endOfArchive];
  expect(read(stream)).toMatchObject({ entries: [{ name: "x", size: 2, mtime: 7 }], content: "ab" });
  const attribute = extension("x", paxRecord("SCHILY.xattr.user.a", ""));
  expect(only([attribute, header("0", 0)])?.xattrs).toEqual(new Map([["user.a", ""]]));
});

test("GNU tar's archive label is not a member, with or without content", () => {
  const label = [extension("L", Buffer.from("a long label")), header("V", 3), Buffer.from("abc"), padding(3)];
  const stream = [...label, header("0", 1), Buffer.from("x"), padding(1), endOfArchive];
  for (const cut of [512, 700, 65_536])
    expect(read(stream, cut)).toMatchObject({ entries: [{ name: "x", kind: "file", size: 1 }], content: "x" });
});

test("a folder of GNU tar's incremental dumps is a folder, and its list of files is not content", () => {
  const list = Buffer.from("Yone\0Dtwo\0\0");
  const stream = [header("D", list.length), list, padding(list.length), header("0", 1), Buffer.from("x"), padding(1)];
  const { entries, content } = read([...stream, endOfArchive], 700);
  expect(entries).toMatchObject([
    { name: "x", kind: "folder", size: 0 },
    { kind: "file", size: 1 },
  ]);
  expect(content).toBe("x");
  expect(() => read(stream.slice(0, 1))).toThrow("it is cut short");
});

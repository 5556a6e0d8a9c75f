/** A file that should contain a tar and does not: the error names its content, compressed or not. */
import { expect, test } from "bun:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { archive, chunked, collect, file } from "../../formats/tar/testing/archive.ts";
import { realCage } from "../../host/testing/tool-cage.ts";
import { unpacked } from "./unpacked.ts";

const options = { cage: realCage(), signal: new AbortController().signal };
const read = (bytes: Uint8Array) =>
  collect(unpacked(chunked(bytes, [700]), { path: "file", again: "banger image import -" }, options));
const problemOf = (bytes: Uint8Array) =>
  read(bytes).then(
    () => "",
    (error: { details: { problem: string } }) => error.details.problem,
  );
const text = (value: string) => new Uint8Array(Buffer.from(value, "latin1"));
/** Long enough to be more than one block. */
const long = (beginning: string) => text(beginning.padEnd(3000, "x"));

function ext4(): Uint8Array {
  const disk = new Uint8Array(70_000);
  disk.set([0x53, 0xef], 1024 + 0x38);
  return disk;
}

const kinds: [bytes: Uint8Array, what: string][] = [
  [long("<!DOCTYPE html><html>"), "a web page"],
  [text("<html>gone</html>"), "a web page"],
  [text('{"errors": [{"code": "DENIED"}]}'), "a JSON document"],
  [text('<?xml version="1.0"?><Error>'), "an XML document"],
  [long("PK\x03\x04"), "a zip archive"],
  [long("7z\xbc\xaf\x27\x1c"), "a 7z archive"],
  [long("Rar!\x1a\x07\x01"), "a RAR archive"],
  [long("070707"), "a cpio archive"],
  [long("\x7fELF"), "a program (ELF)"],
];

test("content that is known by its first bytes is named", async () => {
  for (const [bytes, what] of kinds) expect(await problemOf(bytes)).toBe(`is ${what}`);
  expect(await problemOf(new Uint8Array())).toBe("is empty");
});

test("the content of a compressed file is named as well, and never called a tar that is cut short", async () => {
  const inside: [bytes: Uint8Array, what: string][] = [
    ...kinds,
    [long("some text"), "not a tar archive"],
    [text("a line\n"), "not a tar archive"],
    [long("hsqs"), "a squashfs file system"],
    [long("QFI\xfb"), "a qcow2 disk image"],
    [ext4(), "an ext4 file system"],
    [gzipSync(archive([file("a", "x")])), "compressed with gzip"],
  ];
  for (const [bytes, what] of inside)
    for (const pack of [gzipSync, zstdCompressSync])
      expect(await problemOf(pack(bytes))).toBe(`its content is ${what}`);
  expect(await problemOf(gzipSync(""))).toBe("its content is empty");
});

test("a tar whose first name looks like something else is a tar, and so is one without entries", async () => {
  for (const name of ["LZIP", "070701", "<html>", '{"a"', "Rar!\x1a\x07"]) {
    const tar = archive([file(name, "x")]);
    for (const pack of [(bytes: Uint8Array) => bytes, gzipSync, zstdCompressSync])
      expect(Buffer.compare(await read(pack(tar)), tar)).toBe(0);
  }
  for (const pack of [gzipSync, zstdCompressSync]) expect(await read(pack(archive([])))).toHaveLength(1024);
});

test("truncated or damaged input is reported as such", async () => {
  const tar = archive([file("a", "x".repeat(5000))]);
  expect(await problemOf(gzipSync(tar).subarray(0, -10))).toStartWith(
    "can't be unpacked: its compressed data is damaged",
  );
  expect(await problemOf(zstdCompressSync(tar.subarray(0, 3000)))).toBe(
    "is cut short or damaged: the tar in it has no end marker",
  );
  expect(await problemOf(zstdCompressSync(tar).subarray(0, 20))).toBe(
    "is cut short or damaged: the tar in it has no end marker",
  );
});

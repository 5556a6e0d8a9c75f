import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { type TarEvent, tarEvents } from "./events.ts";
import { type TarEntry, TarError } from "./header.ts";
import { paxRecord } from "./pax.ts";
import { type TarEnd, TarScanner } from "./scanner.ts";
import { anyTar, archive, chunked, file, folder, type Member, symlink } from "./testing/archive.ts";
import { encodeHeader, endOfArchive, padding } from "./writer.ts";

async function read(bytes: Uint8Array, sizes?: number[]): Promise<{ name: string; content: string }[]> {
  const found: { name: string; content: string }[] = [];
  for await (const event of tarEvents(chunked(bytes, sizes), anyTar)) {
    if (event.kind === "entry") found.push({ name: event.entry.name, content: "" });
    else if (event.kind === "data")
      (found.at(-1) as { content: string }).content += Buffer.from(event.chunk).toString("latin1");
  }
  return found;
}

const name = fc
  .string({ unit: fc.constantFrom(..."abcdeöß-_. "), minLength: 1, maxLength: 120 })
  .filter((text) => !/^\.*$/.test(text));
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const member: fc.Arbitrary<Member> = fc.oneof(
  fc.tuple(path, fc.uint8Array({ maxLength: 3000 })).map(([p, bytes]) => file(p, bytes)),
  path.map((p) => folder(p)),
  fc.tuple(path, path).map(([p, target]) => symlink(p, target)),
);

test("a written archive can be read back in chunks of any size", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(fc.array(member, { maxLength: 8 }), sizes, async (members, cut) => {
      const entries = [];
      for await (const event of tarEvents(chunked(archive(members), cut), anyTar))
        if (event.kind === "entry") entries.push(event.entry);
      expect(entries).toEqual(members.map(({ entry }) => entry));
    }),
    { numRuns: runs(200) },
  );
});

test("content arrives whole", async () => {
  const bytes = archive([file("a", "x".repeat(1500)), file("b", ""), file("c", "z")]);
  const whole = [
    { name: "a", content: "x".repeat(1500) },
    { name: "b", content: "" },
    { name: "c", content: "z" },
  ];
  expect(await read(bytes)).toEqual(whole);
  expect(await read(bytes, [1, 511, 3])).toEqual(whole);
});

test("headers, contents and padding are all the bytes up to the end marker", async () => {
  const bytes = archive([folder("d"), file(`d/${"n".repeat(200)}`, "hello")]);
  const parts: Uint8Array[] = [];
  for await (const event of tarEvents(chunked(bytes, [700]), anyTar))
    parts.push(...bytesOf(event).map((part) => part.slice()));
  expect(Buffer.concat([...parts, endOfArchive])).toEqual(Buffer.from(bytes));
});

function bytesOf(event: TarEvent): readonly Uint8Array[] {
  return event.kind === "entry" ? event.head : [event.chunk];
}

test("random changes to a stream are refused with TarError or change nothing else", async () => {
  const good = archive([folder("d"), file("d/f", "content"), symlink("d/l", "f"), file(`d/${"n".repeat(150)}`, "x")]);
  const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(good.length), async (changes, cut) => {
      const bad = good.slice(0, good.length - (cut % 1500));
      for (const [at, value] of changes) if (at < bad.length) bad[at] = value;
      await read(bad).catch((error) => expect(error).toBeInstanceOf(TarError));
    }),
    { numRuns: runs(1000) },
  );
});

describe("refused", () => {
  const refused: Record<string, Uint8Array> = {
    "a file for the root": archive([file("a/..", "")]),
    "a newline in a name": archive([file("a\nb", "")]),
    "a folder with content": archive([file("a/", "x")]),
    "a symlink to nothing": archive([symlink("a", "")]),
    "a stream without an end": archive([file("a", "")], new Uint8Array()),
    "a stream that is cut": archive([file("a", "long enough")]).slice(0, 515),
    "no tar at all": new TextEncoder().encode("x".repeat(2000)),
    "a single zero block": new Uint8Array(Buffer.concat([new Uint8Array(512), archive([file("a", "")])])),
    "an extension followed by nothing": Buffer.concat([extension("x", paxRecord("path", "a")), endOfArchive]),
    "a pax size that is not a number": Buffer.concat([
      extension("x", paxRecord("size", "1e9")),
      archive([file("a", "")]),
    ]),
    "a global pax path": Buffer.concat([extension("g", paxRecord("path", "a")), archive([file("b", "")])]),
    "a sparse file": Buffer.concat([extension("x", paxRecord("GNU.sparse.major", "1")), archive([file("b", "")])]),
    "oversized extensions": Buffer.concat([
      extension("x", paxRecord("k", "v".repeat(1_100_000))),
      archive([file("b", "")]),
    ]),
    "a sparse map of format 0.0 that lacks a number": Buffer.concat([
      extension("x", Buffer.concat([paxRecord("GNU.sparse.size", "9"), paxRecord("GNU.sparse.offset", "0")])),
      archive([file("b", "")]),
    ]),
  };
  for (const [what, bytes] of Object.entries(refused)) {
    test(what, async () => {
      await expect(read(new Uint8Array(bytes))).rejects.toBeInstanceOf(TarError);
    });
  }
});

describe("a path is one inside the root", () => {
  const paths: [said: string, path: string][] = [
    ["/etc/passwd", "etc/passwd"],
    ["//a//b", "a/b"],
    ["a/../b", "b"],
    ["a/../../../b", "b"],
    ["../../../etc/passwd", "etc/passwd"],
    ["..a/b..", "..a/b.."],
    ["./a", "./a"],
  ];
  for (const [said, path] of paths) {
    test(said, async () => {
      const link = { entry: { ...file("link", "").entry, kind: "hardlink", link: said } } as const;
      const seen: string[] = [];
      for (const bytes of [archive([file(said, ""), link]), withPaxPath(said)]) {
        for await (const event of tarEvents(chunked(bytes), anyTar)) {
          if (event.kind === "entry") seen.push(event.entry.kind === "hardlink" ? event.entry.link : event.entry.name);
        }
      }
      expect(seen).toEqual([path, path, path]);
    });
  }

  test("the root itself may be absolute", async () => {
    expect(await read(archive([folder("/"), folder("a/.."), file("b", "")]))).toEqual([
      { name: "", content: "" },
      { name: "", content: "" },
      { name: "b", content: "" },
    ]);
  });
});

function withPaxPath(path: string): Uint8Array {
  return Buffer.concat([extension("x", paxRecord("path", path)), archive([file("short", "")])]);
}

test("a file whose name ends with a slash is a folder", async () => {
  const bytes = archive([file("bin/", ""), file("bin/a", "x")]);
  const kinds: string[] = [];
  for (const type of ["0", "\0", "7"]) {
    const old = bytes.slice();
    setType(old.subarray(0, 512), type);
    for await (const event of tarEvents(chunked(old), anyTar)) if (event.kind === "entry") kinds.push(event.entry.kind);
  }
  expect(kinds).toEqual(["folder", "file", "folder", "file", "folder", "file"]);
});

test("times before 1970 and after 2106 become the nearest that squashfs can store", async () => {
  const binary = (bytes: number[]) => {
    const head = encodeHeader(file("a", "").entry).slice();
    head.set(bytes, 136);
    setType(head, "0");
    return head;
  };
  const pax = (mtime: string) =>
    Buffer.concat([extension("x", paxRecord("mtime", mtime)), archive([file("b", "")], new Uint8Array())]);
  const late = [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
  const stream = [
    binary(Array(12).fill(0xff)),
    binary([0xc0, ...Array(11).fill(1)]),
    binary(late),
    binary([0xbf, ...Array(11).fill(0xff)]),
  ];
  const bytes = Buffer.concat([...stream, pax("-1.5"), pax("99999999999"), pax("9".repeat(30)), endOfArchive]);
  const times: number[] = [];
  for await (const event of tarEvents(chunked(bytes), anyTar)) {
    if (event.kind === "entry")
      times.push(Number.parseInt(Buffer.from(encodeHeader(event.entry)).toString("latin1", 136, 147), 8));
  }
  const last = 0xffffffff;
  expect(times).toEqual([0, 0, last, last, 0, last, last]);
});

test("the reader decides how far a stream must go", () => {
  const members = archive([folder("d"), file("d/f", "content")], new Uint8Array());
  const cut = (bytes: Uint8Array, end: TarEnd) => () => {
    const scanner = new TarScanner({ entry() {}, data() {}, padding() {} }, anyTar);
    scanner.push(bytes);
    scanner.finish(end);
  };
  expect(cut(members, "marker")).toThrow("no end marker");
  expect(cut(members, "block")).not.toThrow();
  expect(cut(members.subarray(0, 1024 + 7), "block")).toThrow("cut short");
  expect(cut(members.subarray(0, 1024 + 7), "content")).not.toThrow();
  for (const bytes of [1024 + 6, 700]) expect(cut(members.subarray(0, bytes), "content")).toThrow("cut short");
});

test("GNU long names and pax names are taken", async () => {
  const long = `${"d".repeat(120)}/${"f".repeat(120)}`;
  const gnu = Buffer.concat([extension("L", new TextEncoder().encode(`${long}\0`)), archive([file("short", "x")])]);
  expect(await read(new Uint8Array(gnu))).toEqual([{ name: long, content: "x" }]);
});

const paxTimes: [text: string, seconds: number][] = [
  ["1700000000", 1_700_000_000],
  ["1700000000.999999999", 1_700_000_000],
  ["1700000000.99999999999999999999", 1_700_000_000],
  ["-3.25", -4],
  ["-3.0", -3],
  ["-3", -3],
];
for (const [text, seconds] of paxTimes) {
  test(`the pax time ${text} is rounded down to ${seconds}`, () => {
    const found: number[] = [];
    const sink = { entry: ({ mtime }: TarEntry) => found.push(mtime), data() {}, padding() {} };
    const scanner = new TarScanner(sink, { entries: 10, bytes: 10_000 });
    scanner.push(Buffer.concat([extension("x", paxRecord("mtime", text)), archive([file("a", "")])]));
    expect(found).toEqual([seconds]);
  });
}

test("what follows the end marker is ignored", async () => {
  const bytes = Buffer.concat([archive([file("a", "")]), new Uint8Array(8192), Buffer.from("garbage")]);
  expect(await read(new Uint8Array(bytes))).toEqual([{ name: "a", content: "" }]);
});

function extension(type: string, body: Uint8Array): Uint8Array {
  const head = encodeHeader({ ...file("ext", body).entry });
  setType(head, type);
  return Buffer.concat([head, body, padding(body.length)]);
}

function setType(head: Uint8Array, type: string): void {
  head[156] = type.charCodeAt(0);
  head.fill(0x20, 148, 156);
  const sum = head.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  head.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
}

test("extensions without content are counted too: nothing piles up before an entry", async () => {
  const empty = emptyExtension();
  const flood = Buffer.concat([...Array(3000).fill(empty), archive([file("a", "")])]);
  await expect(read(flood)).rejects.toThrow("an entry's extensions are too large");
});

/** A pax header of no bytes: a file's, with another type and the checksum that goes with it. */
function emptyExtension(): Uint8Array {
  const header = encodeHeader(file("pax", "").entry);
  header[156] = "x".charCodeAt(0);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
  return header;
}

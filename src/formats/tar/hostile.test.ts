/** Archives with correct checksums and arbitrary fields: they are read, or refused with TarError. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../../base/testing/budget.ts";
import { tarEvents } from "./events.ts";
import { TarError } from "./header.ts";
import { paxRecord } from "./pax.ts";
import { anyTar, chunked, file } from "./testing/archive.ts";
import { encodeHeader, endOfArchive, padding } from "./writer.ts";

const names = [
  "a",
  "a/b",
  "../x",
  "/etc/passwd",
  "a/../../b",
  "",
  ".",
  "a\nb",
  "a\0b",
  "\xff\xfe",
  "n".repeat(120),
  "a//b/",
];
const numbers = [
  "0",
  "7",
  "10",
  "777777777777",
  "-1",
  "1e9",
  "",
  " 12 ",
  "9".repeat(20),
  "\x80\0\0\0\0\0\0\0\0\0\x02\0",
  "\xff",
];
const keys = [
  ...["path", "linkpath", "size", "uid", "gid", "mtime", "SCHILY.xattr.user.a", "LIBARCHIVE.xattr.user.b", "comment"],
  ...["GNU.sparse.major", "GNU.sparse.minor", "GNU.sparse.name", "GNU.sparse.realsize", "GNU.sparse.map"],
  ...["GNU.sparse.numblocks", "GNU.sparse.size", "hdrcharset", ""],
];
const values = [...names, ...numbers, "0,1,2,3", "1,1,0,1", "0,0", "1"];

const record = fc
  .tuple(fc.constantFrom(...keys), fc.constantFrom(...values))
  .map(([key, value]) => paxRecord(key, value));
const body = fc.oneof(
  fc.array(record, { maxLength: 4 }).map((all) => new Uint8Array(Buffer.concat(all))),
  fc.uint8Array({ maxLength: 700 }),
  fc.constantFrom(...names).map((name) => new Uint8Array(Buffer.from(`${name}\0`, "latin1"))),
);

type Field = [at: number, length: number, text: string];
const field: fc.Arbitrary<Field> = fc
  .tuple(
    fc.constantFrom<[number, number]>(
      [0, 100],
      [100, 8],
      [108, 8],
      [116, 8],
      [124, 12],
      [136, 12],
      [157, 100],
      [257, 8],
      [329, 8],
      [345, 155],
      [386, 12],
      [482, 1],
      [483, 12],
    ),
    fc.constantFrom(...names, ...numbers, "ustar\x0000", "ustar  \0"),
  )
  .map(([[at, length], text]) => [at, length, text]);

const block = fc.record({
  type: fc.constantFrom(..."0000012345567xxxgLKSDMVNAX\0".split("")),
  body,
  fields: fc.oneof<fc.WeightedArbitrary<Field[]>[]>(
    { weight: 3, arbitrary: fc.constant<Field[]>([]) },
    { weight: 1, arbitrary: fc.array(field, { maxLength: 2 }) },
  ),
  /** stated size of its content, whatever its body has */
  lie: fc.option(fc.constantFrom(0, 1, 512, 1_000_000), { freq: 1, nil: undefined }),
});

function membersOf(blocks: readonly { type: string; body: Uint8Array; fields: Field[]; lie: number | undefined }[]) {
  const parts = blocks.flatMap(({ type, body: content, fields, lie }) => {
    const head = encodeHeader({ ...file("name", content).entry, size: lie ?? content.length });
    head[156] = type.charCodeAt(0);
    for (const [at, length, text] of fields) {
      const bytes = Buffer.from(text, "latin1").subarray(0, length);
      head.fill(0, at, at + length);
      head.set(bytes, at);
    }
    head.fill(0x20, 148, 156);
    const sum = head.reduce((total, byte) => total + byte, 0);
    head.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return [head, content, padding(content.length)];
  });
  return new Uint8Array(Buffer.concat([...parts, endOfArchive]));
}

test(
  "names stay in the root, contents have the length that they say, and nothing else is thrown",
  async () => {
    const cut = fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(fc.array(block, { maxLength: 6 }), cut, async (blocks, sizes) => {
        let left = 0;
        try {
          for await (const event of tarEvents(chunked(membersOf(blocks), sizes), anyTar)) {
            if (event.kind === "entry") {
              expect(left).toBe(0);
              const { name, link, kind, size, mode } = event.entry;
              left = kind === "file" ? size : 0;
              expect(Number.isSafeInteger(size) && size >= 0 && mode >= 0 && mode <= 0o7777).toBe(true);
              for (const path of kind === "hardlink" ? [name, link] : [name]) {
                expect(path.startsWith("/") || path.split("/").includes("..") || /[\0\n]/.test(path)).toBe(false);
              }
            } else if (event.kind === "data") left -= event.chunk.length;
            expect(left).toBeGreaterThanOrEqual(0);
          }
          expect(left).toBe(0);
        } catch (error) {
          if (!(error instanceof TarError)) throw error;
        }
      }),
      { numRuns: runs(800) },
    );
  },
  patience,
);

test.each(["x", "L"])("a name of nearly a megabyte of slashes is refused at once (%s)", async (type) => {
  const name = `${"/".repeat(1024 * 1024 - 32)}x`;
  const content = type === "x" ? paxRecord("path", name) : new TextEncoder().encode(`${name}\0`);
  const blocks = [
    { type, body: content, fields: [], lie: undefined },
    { type: "0", body: new Uint8Array(), fields: [], lie: undefined },
  ];
  const reading = Array.fromAsync(tarEvents(chunked(membersOf(blocks)), anyTar));
  expect(await reading.catch((error: unknown) => error)).toBeInstanceOf(TarError);
});

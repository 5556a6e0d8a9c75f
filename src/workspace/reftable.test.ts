import { expect, test } from "bun:test";
import * as fs from "node:fs";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { readRefTables } from "./ref-tables.ts";
import { parseReftable, type RefRecord, ReftableError } from "./reftable.ts";
import { reftables, unpacked } from "./testing/reftables.ts";

/** A git directory with these tables, oldest first. */
function stack(folder: string, tables: readonly Uint8Array[]): void {
  fs.mkdirSync(`${folder}/reftable`);
  const names = tables.map((_, i) => `0x${i}-0x${i}-0000000${i}.ref`);
  for (const [i, table] of tables.entries()) fs.writeFileSync(`${folder}/reftable/${names[i]}`, table);
  fs.writeFileSync(`${folder}/reftable/tables.list`, names.map((name) => `${name}\n`).join(""));
}

test("a stack written by git: blocks, indexes, deletions, tags and symbolic refs", () => {
  using folder = tempFolder("reftable");
  stack(folder.path, reftables.sha1.map(unpacked));
  const refs = readRefTables(folder.path);
  const names = [...Array(400).keys()].map((i) => `refs/heads/topic/number-${i + 1}`);
  for (const name of names) {
    if (name.endsWith("-7")) expect(refs.has(name)).toBe(false);
    else expect(refs.get(name)).toEqual({ oid: reftables.head });
  }
  expect(refs.size).toBe(399 + 5);
  expect(refs.get("HEAD")).toEqual({ target: "refs/heads/main" });
  expect(refs.get("refs/remotes/origin/HEAD")).toEqual({ target: "refs/heads/main" });
  expect(refs.get("refs/heads/later")).toEqual({ oid: reftables.head });
  expect(refs.get("refs/tags/v1")).toEqual({ oid: reftables.tag });
});

test("a SHA-256 repository's", () => {
  using folder = tempFolder("reftable");
  stack(folder.path, reftables.sha256.map(unpacked));
  const expected = [
    ["HEAD", { target: "refs/heads/main" }],
    ["refs/heads/main", { oid: reftables.headOfSha256 }],
  ];
  expect([...readRefTables(folder.path)].sort()).toEqual(expected as never);
});

test("without a stack there are no refs; a missing table, or one elsewhere, is reported", () => {
  using folder = tempFolder("reftable");
  expect(readRefTables(folder.path).size).toBe(0);
  stack(folder.path, []);
  fs.writeFileSync(`${folder.path}/reftable/tables.list`, "gone.ref\n");
  expect(() => readRefTables(folder.path)).toThrow("a table that does not exist");
  fs.writeFileSync(`${folder.path}/reftable/tables.list`, "../../x.ref\n");
  expect(() => readRefTables(folder.path)).toThrow("tables.list is damaged");
});

type Block = { records: number[]; restarts?: number; pad?: number; length?: number; type?: number };

const oid = [...Array(20).fill(0xab)];
const letters = (text: string): number[] => [...Buffer.from(text)];
/** A ref called `name` with an object id; `prefix` characters of its name are shared with the record before. */
const ref = (name: string, prefix = 0, type = 1): number[] => [
  ...[prefix, name.length * 8 + type],
  ...[...letters(name), 0, ...oid],
];

/** A table by the format's specification, without a footer, which is not read. @param hash for version 2 */
function table(blocks: readonly Block[], blockSize = 0, head = "REFT\x01", hash = ""): Uint8Array {
  const out = [...letters(head), ...uint(blockSize, 3), ...Array<number>(16).fill(0), ...letters(hash)];
  for (const [i, { records, restarts = 0, pad = 0, length, type = 0x72 }] of blocks.entries()) {
    const size = (i === 0 ? out.length : 0) + 4 + records.length + 3 * restarts + 2;
    out.push(type, ...uint(length ?? size, 3), ...records, ...Array<number>(3 * restarts).fill(0));
    out.push(...uint(restarts, 2), ...Array<number>(pad).fill(0));
  }
  return Uint8Array.from(out);
}

function uint(value: number, size: number): number[] {
  return [...Array(size).keys()].map((at) => (value >> (8 * (size - 1 - at))) & 0xff);
}

const namesIn = (bytes: Uint8Array) => parseReftable(bytes).map(({ name }) => name);

test("blocks follow each other, padded to the block size if there is one", () => {
  const blocks = [{ records: ref("a") }, { records: ref("b"), restarts: 2 }];
  expect(namesIn(table(blocks))).toEqual(["a", "b"]);
  const first = table(blocks.slice(0, 1)).length;
  const padded = blocks.map((block, i) => ({ ...block, pad: i === 0 ? 100 - first : 0 }));
  expect(namesIn(table(padded, 100))).toEqual(["a", "b"]);
  // a block of full size has no padding
  expect(namesIn(table(blocks, first))).toEqual(["a", "b"]);
  // without padding the next block is read at once, whatever the block size
  expect(namesIn(table(blocks, 4096))).toEqual(["a", "b"]);
  expect(namesIn(table([...blocks, { records: ref("c"), type: 0x67 }]))).toEqual(["a", "b"]);
  expect(namesIn(table([]))).toEqual([]);
});

test("a block must end within the file", () => {
  const whole = table([{ records: ref("a"), restarts: 1 }]);
  expect(namesIn(whole)).toEqual(["a"]);
  for (const length of [0, 1, whole.length + 1, 2 ** 24 - 1])
    expect(() => parseReftable(table([{ records: ref("a"), restarts: 1, length }]))).toThrow(ReftableError);
  for (let cut = 1; cut < whole.length - 24; cut++)
    expect(() => parseReftable(whole.subarray(0, whole.length - cut))).toThrow(ReftableError);
});

test("restart points must be behind the block's header", () => {
  expect(namesIn(table([{ records: [], restarts: 3 }]))).toEqual([]);
  const tooMany = table([{ records: [], restarts: 3 }]);
  tooMany[tooMany.length - 1] = 4;
  expect(() => parseReftable(tooMany)).toThrow(new ReftableError("a block is cut off"));
});

test("a name can share no more than the whole previous name", () => {
  expect(namesIn(table([{ records: [...ref("abc"), ...ref("d", 3), ...ref("e", 2)] }]))).toEqual([
    "abc",
    "abcd",
    "abe",
  ]);
  expect(namesIn(table([{ records: [...ref("abc"), ...ref("", 3)] }]))).toEqual(["abc", "abc"]);
  for (const records of [ref("a", 1), [...ref("abc"), ...ref("d", 4)]])
    expect(() => parseReftable(table([{ records }]))).toThrow(new ReftableError("a name is damaged"));
});

test("values of each type, and of an unknown type", () => {
  const target = [0, 8 + 3, ...letters("d"), 0, 4, ...letters("HEAD")];
  const records = [
    ...[0, 8, ...letters("a"), 0],
    ...ref("b"),
    ...[...ref("c", 0, 2), ...oid.map(() => 1)],
    ...target,
    ...ref("e"),
  ];
  const hex = "ab".repeat(20);
  expect(parseReftable(table([{ records }]))).toEqual([
    { name: "a", value: null },
    { name: "b", value: { oid: hex } },
    { name: "c", value: { oid: hex } },
    { name: "d", value: { target: "HEAD" } },
    { name: "e", value: { oid: hex } },
  ] satisfies RefRecord[]);
  for (const type of [4, 5, 6, 7])
    expect(() => parseReftable(table([{ records: ref("a", 0, type) }]))).toThrow(`a ref is of type ${type}`);
});

test("numbers have at most seven bytes", () => {
  // the update index, which is not used
  const numbered = (bytes: number[]) => table([{ records: [0, 8, ...letters("a"), ...bytes] }]);
  expect(namesIn(numbered([...Array(6).fill(0xff), 0]))).toEqual(["a"]);
  expect(() => parseReftable(numbered([...Array(7).fill(0xff), 0]))).toThrow(
    new ReftableError("a number is too large"),
  );
  // one is added for each further byte: 0x80 0x00 is 128
  const long = "n".repeat(16);
  expect(namesIn(table([{ records: [0, 0x80, 0, ...letters(long), 0] }]))).toEqual([long]);
  expect(namesIn(table([{ records: [0, 0x80, 8, ...letters(`${long}n`), 0] }]))).toEqual([`${long}n`]);
});

test("versions 1 and 2 are known, the second with ids of either length", () => {
  const sha1 = { records: [...ref("a"), ...ref("b")] };
  expect(namesIn(table([sha1], 0, "REFT\x02", "sha1"))).toEqual(["a", "b"]);
  const sha256 = { records: [...ref("a"), ...oid.slice(0, 12), ...ref("b"), ...oid.slice(0, 12)] };
  expect(namesIn(table([sha256], 0, "REFT\x02", "s256"))).toEqual(["a", "b"]);
  for (const head of ["REFT\x00", "REFT\x03", "REFU\x01", "reft\x01"])
    expect(() => parseReftable(table([{ records: ref("a") }], 0, head))).toThrow("no known reftable");
  for (const length of [0, 4, 5, 7]) expect(() => parseReftable(table([]).subarray(0, length))).toThrow(ReftableError);
});

test("any bytes give records or a ReftableError", () => {
  const [table = ""] = reftables.sha1;
  const whole = unpacked(table);
  const change = fc.record({ at: fc.nat(400), byte: fc.nat(255), length: fc.nat(whole.length) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Uint8Array.from(whole);
      for (const { at, byte } of changes) bytes[at] = byte;
      try {
        expect(parseReftable(bytes.subarray(0, changes[0]?.length)).length).toBeLessThan(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(ReftableError);
      }
    }),
    { numRuns: runs(200) },
  );
});

/** What of a layer's stream reaches the packer, and where an image's limits end it. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { TarError } from "../../formats/tar/header.ts";
import { sparseHead } from "../../formats/tar/sparse-writer.ts";
import { archive, chunked, file, folder, type Member } from "../../formats/tar/testing/archive.ts";
import { endOfArchive, padding } from "../../formats/tar/writer.ts";
import type { Packer } from "./packer.ts";
import { type Budget, countEntry, limitsFor, readEntries, TooLargeError } from "./reading.ts";

const never = new AbortController().signal;

/** @param skips names that are not written */
async function read(stream: Uint8Array, { budget = { bytes: 1000, entries: 10 } as Budget, skips = [""] } = {}) {
  const out: string[] = [];
  const packer = {
    entry: ({ name, size }: { name: string; size: number }) => out.push(`${name} ${size}`),
    data: (chunk: Uint8Array) => out.push(Buffer.from(chunk).toString()),
    hole: (bytes: number) => out.push(`hole ${bytes}`),
    pad: (size: number) => out.push(`pad ${size}`),
    flush: async () => {},
  } as unknown as Packer;
  const source = { open: () => chunked(stream), end: "marker" as const };
  const filter = { take: (raw: Member["entry"]) => (skips.includes(raw.name) ? null : raw) };
  const spent = { bytes: 0, entries: 0 };
  const digest = await readEntries(source, filter, packer, { budget, onProgress() {}, signal: never }, spent);
  return { out, digest, spent, budget };
}

const sumOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const sparse = { ...file("s", "").entry, size: 5000 };
const parts = [{ offset: 4096, length: 3 }];
const members = archive([file("a", "one"), file("b", "two"), folder("c")], new Uint8Array());
const whole = Buffer.concat([members, sparseHead(sparse, parts), Buffer.from("xyz"), padding(3), endOfArchive]);
const holes = ["s 5000", "hole 4096", "xyz", "hole 901", "pad 5000"];

test("entries are written with their content, holes and padding, and the stream's digest is that of all of it", async () => {
  const { out, digest, spent, budget } = await read(whole, { budget: { bytes: 6000, entries: 10 } });
  expect(out).toEqual(["a 3", "one", "pad 3", "b 3", "two", "pad 3", "c 0", "pad 0", ...holes]);
  expect(digest).toBe(sumOf(whole) as never);
  expect([spent, budget]).toEqual([
    { bytes: 5006, entries: 4 },
    { bytes: 994, entries: 6 },
  ]);
});

test("of an entry that is left out nothing is written, but it counts", async () => {
  for (const [skips, out] of [
    [
      ["a", "c", "s"],
      ["b 3", "two", "pad 3"],
    ],
    [
      ["b", "c"],
      ["a 3", "one", "pad 3", ...holes],
    ],
  ] as const) {
    const seen = await read(whole, { budget: { bytes: 6000, entries: 10 }, skips: [...skips] });
    expect(seen.out).toEqual([...out]);
    expect(seen.spent).toEqual({ bytes: 5006, entries: 4 });
  }
});

test("the budget's entries and bytes are used up to the last", async () => {
  const { budget } = await read(whole, { budget: { bytes: 5006, entries: 4 } });
  expect(budget).toEqual({ bytes: 0, entries: 0 });
  await expect(read(whole, { budget: { bytes: 5006, entries: 3 } })).rejects.toEqual(
    new TarError("it contains too many files"),
  );
  await expect(read(whole, { budget: { bytes: 5005, entries: 4 } })).rejects.toBeInstanceOf(TooLargeError);
  expect(() => countEntry(file("a", "x").entry, { bytes: 0, entries: 1 })).toThrow(TooLargeError);
});

test("a stream has twice the budget's bytes and 1 GiB, its end included", async () => {
  const most = 2 * 1000 + 1_073_741_824;
  expect(limitsFor({ bytes: 1000, entries: 1 })).toEqual({
    entries: Number.POSITIVE_INFINITY,
    bytes: most,
    tail: most,
  });
  // an empty archive of that length
  const budget = { bytes: (2048 - 1_073_741_824) / 2, entries: 1 };
  expect((await read(new Uint8Array(2048), { budget })).out).toEqual([]);
  await expect(read(new Uint8Array(2560), { budget })).rejects.toBeInstanceOf(TooLargeError);
});

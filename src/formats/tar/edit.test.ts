import { expect, test } from "bun:test";
import { editTar, type TarAddition, type TarEdits } from "./edit.ts";
import { tarEvents } from "./events.ts";
import { TarError } from "./header.ts";
import { anyTar, archive, chunked, collect, file, folder } from "./testing/archive.ts";

async function* list(additions: TarAddition[]): AsyncGenerator<TarAddition> {
  yield* additions;
}

const nothing: TarEdits = { drop: () => false, additions: () => list([]) };

async function namesIn(bytes: Uint8Array): Promise<string[]> {
  const names: string[] = [];
  for await (const event of tarEvents(chunked(bytes), anyTar)) if (event.kind === "entry") names.push(event.entry.name);
  return names;
}

test("without edits the stream passes unchanged, in few chunks", async () => {
  const bytes = archive([folder("d"), ...Array.from({ length: 50 }, (_, i) => file(`d/${i}`, "x".repeat(i * 40)))]);
  let chunks = 0;
  const counted = async function* () {
    for await (const chunk of editTar(chunked(bytes), nothing)) {
      chunks++;
      yield chunk;
    }
  };
  expect(Buffer.from(await collect(counted()))).toEqual(Buffer.from(bytes));
  expect(chunks).toBeLessThan(6);
});

test("entries are dropped with all that belongs to them, and others added at the end", async () => {
  const long = `d/${"n".repeat(180)}`;
  const bytes = archive([folder("./d"), file(`./${long}`, "gone"), file("./d/kept", "kept")]);
  const content = new TextEncoder().encode("new");
  const edits: TarEdits = {
    drop: (name) => name === long,
    additions: () => list([{ ...file("d/new", "new"), content }]),
  };
  const edited = await collect(editTar(chunked(bytes, [300]), edits));
  expect(await namesIn(edited)).toEqual(["./d", "./d/kept", "d/new"]);
  expect(Buffer.from(edited).includes("gone")).toBe(false);
  expect(edited.length % 512).toBe(0);
});

test("an addition with another length than declared is a bug, not a broken archive", async () => {
  const entry = { ...file("a", "").entry, size: 5 };
  const edits: TarEdits = {
    drop: () => false,
    additions: () => list([{ entry, content: chunked(new Uint8Array(4)) }]),
  };
  await expect(collect(editTar(chunked(archive([])), edits))).rejects.toThrow("declared with 5 bytes");
});

test("a source that ends early is noticed", async () => {
  const cut = archive([file("a", "x".repeat(2000))]).slice(0, 1500);
  await expect(collect(editTar(chunked(cut), nothing))).rejects.toBeInstanceOf(TarError);
});

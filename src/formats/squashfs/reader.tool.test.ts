/** File systems from the real mksquashfs, read by our reader: intact, in each compression, and damaged in every way. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { gate } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { openSquashfs, type Squashfs, SquashfsError } from "./reader.ts";

const why = gate("tool:mksquashfs");

function access(bytes: Uint8Array) {
  return {
    async readAt(offset: number, length: number) {
      if (offset + length > bytes.length) throw new RangeError("beyond the end");
      return bytes.subarray(offset, offset + length);
    },
  };
}
const open = (bytes: Uint8Array) => openSquashfs(access(bytes), bytes.length);

/** Every file's content, every name, every attribute. */
async function everything(squashfs: Squashfs, folder = squashfs.root, depth = 0): Promise<number> {
  if (depth > 50) throw new SquashfsError("too deep");
  let count = 0;
  for (const { node: read } of await squashfs.list(folder)) {
    const node = await read();
    count += 1;
    await squashfs.xattrs(node);
    if (node.kind === "file") for await (const chunk of squashfs.content(node)) count += chunk.length > 0 ? 0 : 1;
    if (node.kind === "folder") count += await everything(squashfs, node, depth + 1);
    if (count > 100_000) throw new SquashfsError("too many");
  }
  return count;
}

async function contentOf(squashfs: Squashfs, path: string): Promise<Buffer> {
  const node = await squashfs.lookup(path);
  const chunks: Uint8Array[] = [];
  if (node) for await (const chunk of squashfs.content(node)) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

function make(folder: string, compression: string, ...flags: string[]): Uint8Array {
  const file = `${folder}-${compression}.sqfs`;
  const done = Bun.spawnSync([
    "mksquashfs",
    folder,
    file,
    "-comp",
    compression,
    "-quiet",
    "-no-progress",
    "-noappend",
    ...flags,
  ]);
  expect(done.exitCode, done.stderr.toString()).toBe(0);
  return new Uint8Array(readFileSync(file));
}

function tree(folder: string): Record<string, Uint8Array> {
  const random = crypto.getRandomValues(new Uint8Array(60_000));
  const files: Record<string, Uint8Array> = { empty: new Uint8Array(), tiny: new Uint8Array([1, 2, 3]) };
  files["large"] = new Uint8Array(700_000).map((_, at) => random[at % 60_000] ?? 0);
  files["exactly"] = new Uint8Array(131_072 * 2).fill(7);
  for (let i = 0; i < 3000; i++)
    files[`many/file-${String(i).padStart(5, "0")}`] = new TextEncoder().encode(`content ${i}`);
  mkdirSync(`${folder}/many`, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(`${folder}/${name}`, content);
  writeFileSync(`${folder}/sparse`, "");
  truncateSync(`${folder}/sparse`, 3_000_000);
  files["sparse"] = new Uint8Array(3_000_000);
  return files;
}

describe.skipIf(why !== null)(`squashfs${why ? ` (${why})` : ""}`, () => {
  for (const compression of ["lz4", "gzip", "zstd"]) {
    test(`${compression}: names, contents, holes and ends of files`, async () => {
      using temp = tempFolder();
      const folder = `${temp.path}/tree`;
      const files = tree(folder);
      const squashfs = await open(make(folder, compression));
      for (const [name, content] of Object.entries(files)) {
        expect(Buffer.compare(await contentOf(squashfs, name), Buffer.from(content))).toBe(0);
      }
      const many = await squashfs.lookup("many");
      expect((await squashfs.list(many as never)).map(({ name }) => name)).toEqual(
        Object.keys(files)
          .filter((name) => name.startsWith("many/"))
          .map((name) => name.slice(5))
          .sort(),
      );
      expect([await squashfs.lookup("no"), await squashfs.lookup("tiny/x"), await squashfs.lookup("many/no")]).toEqual([
        null,
        null,
        null,
      ]);
    });
  }

  test("an unsupported compression is named", async () => {
    using temp = tempFolder();
    mkdirSync(`${temp.path}/t`);
    writeFileSync(`${temp.path}/t/a`, "a");
    await expect(open(make(`${temp.path}/t`, "xz"))).rejects.toThrow(/xz can't be read/);
  });

  test("a file cut short or changed anywhere is refused or read, and nothing else happens", async () => {
    using temp = tempFolder();
    const folder = `${temp.path}/tree`;
    mkdirSync(`${folder}/a/b`, { recursive: true });
    for (let i = 0; i < 40; i++) writeFileSync(`${folder}/a/b/f${i}`, `content ${i}`.repeat(i * 20));
    for (const flags of [
      ["-noI", "-noX"],
      ["-noI", "-noD", "-noF"],
    ]) {
      const whole = make(folder, "lz4", ...flags);
      let seed = 7;
      const random = (below: number) => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
        return seed % below;
      };
      const end = Date.now() + 1500;
      for (let round = 0; Date.now() < end; round++) {
        const bytes = round % 10 === 0 ? whole.slice(0, random(whole.length)) : whole.slice();
        for (let i = 0; i < 1 + random(4); i++) {
          // tables are at the end, the superblock in front
          const at = random(3) === 0 ? random(96) : bytes.length - 1 - random(Math.min(bytes.length, 3000));
          if (at >= 0) bytes[at] = random(256);
        }
        await open(bytes)
          .then((squashfs) => everything(squashfs))
          .catch((error: unknown) => {
            if (!(error instanceof SquashfsError)) throw error;
          });
      }
    }
  }, 30_000);
});

/** Content of blobs from banger's own git directory, a few at a time so that memory stays bounded. */
import { fail } from "../../base/errors/error.ts";
import { formatSize } from "../../base/units.ts";
import type { OpenRepository } from "../open-repository.ts";

/** bytes in memory at once, and of one file */
const batchBytes = 64 * 1024 * 1024;
const largestFile = 448 * 1024 * 1024;

/** Each distinct blob once. @throws WORKSPACE_PULL for a file that is too large */
export async function* readBlobs(
  { git }: OpenRepository,
  oids: readonly string[],
): AsyncGenerator<{ oid: string; data: Uint8Array }, void, void> {
  const sizes = await sizesOf(git, [...new Set(oids)]);
  for (const batch of batches(sizes)) {
    const { stdout } = await git(["cat-file", "--batch"], { input: batch.map((oid) => `${oid}\n`).join("") });
    yield* parseBatch(stdout);
  }
}

async function sizesOf(git: OpenRepository["git"], oids: readonly string[]): Promise<Map<string, number>> {
  if (oids.length === 0) return new Map();
  const input = oids.map((oid) => `${oid}\n`).join("");
  const { stdout } = await git(["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)"], { input });
  const found = Buffer.from(stdout)
    .toString("latin1")
    .matchAll(/^([0-9a-f]+) blob (\d+)$/gm);
  const sizes = new Map([...found].map(([, oid = "", size]) => [oid, Number(size)]));
  for (const oid of oids) {
    const size = sizes.get(oid);
    if (size !== undefined && size <= largestFile) continue;
    const problem =
      size === undefined ? `the content of ${oid} is missing` : `a file of ${formatSize(size)} is too large to apply`;
    throw fail("WORKSPACE_PULL", { problem, next: "copy it with `banger vm cp`, and leave it out with --review" });
  }
  return sizes;
}

function batches(sizes: ReadonlyMap<string, number>): string[][] {
  const all: string[][] = [];
  let room = 0;
  for (const [oid, size] of sizes) {
    if (all.length === 0 || size > room) {
      all.push([]);
      room = batchBytes;
    }
    all.at(-1)?.push(oid);
    room -= size;
  }
  return all;
}

/** `OID SP TYPE SP SIZE LF CONTENT LF`, git-cat-file(1). */
function* parseBatch(stdout: Uint8Array): Generator<{ oid: string; data: Uint8Array }, void, void> {
  const bytes = Buffer.from(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf(10, at);
    const [oid = "", type, size = ""] = bytes.toString("latin1", at, lineEnd).split(" ");
    if (type !== "blob") throw new RangeError("git cat-file printed a line that is none of its own");
    const end = lineEnd + 1 + Number(size);
    yield { oid, data: bytes.subarray(lineEnd + 1, end) };
    at = end + 1;
  }
}

/**
 * Files in the cache without a record: made by a daemon that died before it recorded them, or left by a former owner.
 */
import type { Digest } from "../base/names.ts";
import { listFolder, modifiedAt, removeTrees } from "../host/files/files.ts";
import { isScratchName } from "../host/files/scratch.ts";
import { removeUnlessHeld } from "../host/files/shared-file.ts";
import { usedBytes } from "../host/files/used-bytes.ts";
import type { Paths } from "../model/paths.ts";

export type Known = { layers: ReadonlySet<Digest>; kernels: ReadonlySet<Digest> };

/** Layers and kernels without a record. */
async function strayContents(paths: Paths, { layers, kernels }: Known): Promise<string[]> {
  const expected = new Set([
    ...[...layers].map((digest) => paths.layer(digest)),
    ...[...kernels].map((digest) => paths.kernel(digest).directory),
  ]);
  const all = await Promise.all([paths.layers, paths.kernels].map(filesIn));
  return all.flat().filter((path) => !expected.has(path));
}

/** Removes the strays that only this state folder can have made. @param since see `CacheOwner` */
export async function removeOwnStrays(paths: Paths, known: Known, since: number): Promise<void> {
  await removeNewer(await strayContents(paths, known), since);
}

/**
 * Removes unfinished work, which is abandoned when a daemon starts. Scratch folders of other processes are left: the
 * next such process removes them.
 */
export async function removeUnfinished(paths: Paths, since: number): Promise<void> {
  const all = await filesIn(paths.partial);
  await removeNewer(
    all.filter((path) => !isScratchName(path.slice(paths.partial.length + 1))),
    since,
  );
}

/** Removes everything that `banger image prune` covers, whoever made it, because the user asked for it. */
export async function removeLeftovers(
  paths: Paths,
  { kept, known }: { kept: readonly string[]; known: Known },
  dryRun: boolean,
): Promise<{ files: number; bytes: number }> {
  const [blobs, initramfs, contents] = await Promise.all([
    filesIn(paths.blobs),
    filesIn(paths.initramfsFolder),
    strayContents(paths, known),
  ]);
  const others = [...initramfs.filter((file) => !kept.includes(file)), ...contents];
  const sizeOfBlob = new Map(await Promise.all(blobs.map(async (file) => [file, await usedBytes(file)] as const)));
  const sizesOfOthers = await Promise.all(others.map((file) => usedBytes(file)));
  const files = [...(dryRun ? blobs : await removeUnheld(blobs)), ...others];
  const sizes = [...files.map((file) => sizeOfBlob.get(file) ?? 0), ...sizesOfOthers];
  if (!dryRun) await removeTrees(others);
  return { files: files.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Removes files that are not in use. @returns the removed ones */
async function removeUnheld(files: readonly string[]): Promise<string[]> {
  const isGone = await Promise.all(files.map(removeUnlessHeld));
  return files.filter((_, at) => isGone[at]);
}

async function removeNewer(files: readonly string[], since: number): Promise<void> {
  const times = await Promise.all(files.map((file) => modifiedAt(file)));
  await removeTrees(files.filter((_, at) => (times[at] ?? Number.NEGATIVE_INFINITY) >= since));
}

async function filesIn(folder: string): Promise<string[]> {
  return (await listFolder(folder).catch(() => [])).map((name) => `${folder}/${name}`);
}

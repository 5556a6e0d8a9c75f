/**
 * The object folders of a repository and its alternates. The host's git would follow links among them to another repository's history,
 * hang on a fifo, and parse `info/alternates` in its own way; so banger does all of that before git runs, and gives git only checked
 * folders. Only names are read, so this is fast.
 */
import { linkScratch, makeScratchFolder, writeScratch } from "../host/files/scratch.ts";
import { listKinds, lookAt, readBeneath, realPathIfAny } from "../host/files/tree.ts";
import { parseAlternates } from "./alternates.ts";

/** One checked object folder. */
export type ObjectFolder = {
  /** a real path, byte text */
  path: string;
  /** subfolders in which git keeps objects: `pack`, and `00` to `ff` */
  parts: string[];
  /** missing folders that its alternates name */
  missing: string[];
};

/** git follows alternates this deep (its test t5710). */
export const maxNesting = 6;
export const maxAlternates = 64;
/** bytes */
export const maxAlternatesFile = 64 * 1024;

/** Why the objects can't be read. */
class ObjectsError extends Error {}

/**
 * @param objects the repository's own `objects`, a real path
 * @returns it, and the folders elsewhere that it uses objects from
 * @throws ObjectsError
 */
export function checkObjects(objects: string): [own: ObjectFolder, ...alternates: ObjectFolder[]] {
  const own = checkFolder(objects);
  const found = new Map([[objects, own]]);
  followAlternates(own, 0, found);
  return [own, ...[...found.values()].slice(1)];
}

/**
 * Writes the alternates of banger's own git directory. git gets each folder through links to its parts, so that it finds no `info` there:
 * no untrusted file can name further object folders.
 */
export async function writeAlternates(gitDir: string, folders: readonly ObjectFolder[]): Promise<void> {
  for (const [i, { path, parts }] of folders.entries()) {
    await makeScratchFolder(`${gitDir}/objects-${i}`);
    for (const part of parts) linkScratch(`${path}/${part}`, `${gitDir}/objects-${i}/${part}`);
  }
  // relative to banger's own `objects`
  const lines = folders.map((_, i) => `../objects-${i}\n`);
  await writeScratch(`${gitDir}/objects/info/alternates`, lines.join(""));
}

function followAlternates(folder: ObjectFolder, nesting: number, found: Map<string, ObjectFolder>): void {
  for (const path of alternatesOf(folder)) {
    if (found.has(path)) continue;
    if (nesting >= maxNesting) throw new ObjectsError(`its alternates are nested more than ${maxNesting} deep`);
    if (found.size > maxAlternates) throw new ObjectsError(`it has more than ${maxAlternates} alternates`);
    const other = checkFolder(path);
    found.set(path, other);
    followAlternates(other, nesting + 1, found);
  }
}

function checkFolder(path: string): ObjectFolder {
  const parts: string[] = [];
  for (const { name, kind } of listKinds(path)) {
    if (kind === "folder") {
      refuseOdd(path, name);
      if (/^(?:pack|[0-9a-f]{2})$/.test(name)) parts.push(name);
    } else if (kind !== "file") throw odd(name, kind);
  }
  return { path, parts, missing: [] };
}

function refuseOdd(objects: string, folder: string): void {
  for (const { name, kind } of listKinds(`${objects}/${folder}`)) {
    if (kind !== "file" && kind !== "folder") throw odd(`${folder}/${name}`, kind);
  }
}

/** Existing folders, as real paths; missing ones are recorded. */
function alternatesOf({ path: objects, missing }: ObjectFolder): string[] {
  return parseAlternates(readAlternates(objects)).flatMap((path) => {
    const other = realPathIfAny(path.startsWith("/") ? path : `${objects}/${path}`);
    if (other !== null && lookAt(other)?.kind === "folder") return [other];
    missing.push(path);
    return [];
  });
}

function readAlternates(objects: string): string {
  try {
    const bytes = readBeneath(objects, "info/alternates", maxAlternatesFile);
    return bytes === null ? "" : Buffer.from(bytes).toString("latin1");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ObjectsError(`its objects/info/alternates has more than ${maxAlternatesFile} bytes`);
  }
}

function odd(name: string, kind: "link" | "special"): Error {
  const what = kind === "link" ? "a symbolic link, which is not followed" : "not a regular file";
  return new ObjectsError(`its git directory's objects/${name} is ${what}`);
}

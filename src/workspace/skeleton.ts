/** Makes banger's own git directory, in which the host's git reads an untrusted repository (`git.ts` explains why). */
import { createHash } from "node:crypto";
import { fail } from "../base/errors/error.ts";
import { makeScratchFolder, writeScratch } from "../host/files/scratch.ts";
import { listNames } from "../host/files/tree.ts";
import { type GitFileError, readGitFile } from "./git-file.ts";
import type { Repository } from "./locate.ts";
import { type ObjectFolder, writeAlternates } from "./objects.ts";
import { isOid, type Refs } from "./refs.ts";
import type { Settings } from "./settings.ts";

/** The parts of the repository that were copied, for the guest's `.git`. */
export type Copied = { index: Uint8Array | null; split: boolean; shallow: string[] };

/** The largest files of a repository that are copied, in bytes. */
export const copyLimits = { index: 1024 ** 3, shallow: 16 * 1024 ** 2 };

/** The sources of the copy. */
export type Sources = {
  repository: Repository;
  /** as `checkObjects` returned them */
  objects: readonly ObjectFolder[];
  refs: Refs;
  settings: Settings;
};

/** @param gitDir a folder that exists and is empty. @throws WORKSPACE_GIT */
export async function makeSkeleton(gitDir: string, sources: Sources, limits = copyLimits): Promise<Copied> {
  const { repository, objects, refs, settings } = sources;
  await makeScratchFolder(`${gitDir}/refs`);
  await writeScratch(`${gitDir}/config`, skeletonConfig(settings));
  await writeAlternates(gitDir, objects);
  await writeScratch(`${gitDir}/packed-refs`, Buffer.from(packedRefs(refs), "latin1"));
  const { ref, oid } = refs.head;
  await writeScratch(`${gitDir}/HEAD`, Buffer.from(ref === null ? `${oid}\n` : `ref: ${ref}\n`, "latin1"));
  const shallow = readShallow(repository, limits.shallow);
  if (shallow.length > 0) await writeScratch(`${gitDir}/shallow`, `${shallow.join("\n")}\n`);
  return { ...(await copyIndex(gitDir, sources, limits.index)), shallow };
}

function skeletonConfig(settings: Settings): string {
  const format = settings.sha256
    ? "\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"
    : "\trepositoryformatversion = 0\n";
  // then ignore rules are matched case-insensitively
  const ignoreCase = settings.effective.bool("core.ignorecase") === true;
  return `[core]\n\tbare = false\n\tignoreCase = ${ignoreCase}\n${format}`;
}

export function packedRefs(refs: Pick<Refs, "all">): string {
  const names = [...refs.all.keys()].sort();
  return ["# pack-refs with: sorted", ...names.map((name) => `${refs.all.get(name)} ${name}`), ""].join("\n");
}

async function copyIndex(
  gitDir: string,
  { repository, settings }: Sources,
  maxBytes: number,
): Promise<{ index: Uint8Array | null; split: boolean }> {
  const index = read(repository, "index", maxBytes);
  if (index === null) return { index: null, split: false };
  if (!isWholeIndex(index, settings.sha256)) throw problem(repository, "its index is damaged");
  await writeScratch(`${gitDir}/index`, index);
  const shared = sharedIndexOf(repository, index);
  const bytes = shared === undefined ? null : read(repository, shared, maxBytes);
  if (shared !== undefined && bytes !== null) await writeScratch(`${gitDir}/${shared}`, bytes);
  return { index, split: bytes !== null };
}

/** A split index names its shared index by id, in its "link" extension; old ones stay around for weeks. */
function sharedIndexOf(repository: Repository, index: Uint8Array): string | undefined {
  const bytes = Buffer.from(index.buffer, index.byteOffset, index.byteLength);
  return listNames(repository.gitDir).find((name) => {
    const id = /^sharedindex\.([0-9a-f]{40,64})$/.exec(name)?.[1];
    return id !== undefined && bytes.includes(Buffer.from(id, "hex"));
  });
}

/** Checks magic and checksum, which git itself does not check; all zeros means no checksum (`index.skipHash`). */
function isWholeIndex(index: Uint8Array, sha256: boolean): boolean {
  const length = sha256 ? 32 : 20;
  if (index.length < 12 + length || Buffer.from(index.subarray(0, 4)).toString("latin1") !== "DIRC") return false;
  const trailer = index.subarray(index.length - length);
  const sum = createHash(sha256 ? "sha256" : "sha1")
    .update(index.subarray(0, index.length - length))
    .digest();
  return sum.equals(trailer) || trailer.every((byte) => byte === 0);
}

function readShallow(repository: Repository, maxBytes: number): string[] {
  const bytes = read({ ...repository, gitDir: repository.commonDir }, "shallow", maxBytes);
  return bytes === null ? [] : Buffer.from(bytes).toString("latin1").split("\n").filter(isOid);
}

function read(repository: Repository, name: string, max: number): Uint8Array | null {
  try {
    return readGitFile(repository.gitDir, name, max);
  } catch (error) {
    throw problem(repository, (error as GitFileError).message);
  }
}

function problem(repository: Repository, what: string) {
  return fail("WORKSPACE_GIT", { path: Buffer.from(repository.workTree, "latin1").toString("utf8"), problem: what });
}

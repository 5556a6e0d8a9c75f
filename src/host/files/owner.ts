/** Whom a folder belongs to and who else may change it, before anything is entrusted to it. */
import { statSync } from "node:fs";
import { lstat, mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fail } from "../../base/errors/error.ts";
import { quoteArgs } from "../../base/text.ts";
import { errnoOf, isMissing } from "../errno.ts";

/** As `stat` says it. */
export type Owned = { uid: number; mode: number };

const groupOrOthersWrite = 0o022;
const othersWrite = 0o002;
const sticky = 0o1000;

/** The effective user of this process. */
export function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

/** Links are followed; null when there is no such thing, or one may not know. */
export function ownedBy(path: string): Owned | null {
  try {
    const { uid, mode } = statSync(path);
    return { uid, mode };
  } catch {
    return null;
  }
}

/** Links are followed; false for what is missing or may not be looked at. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Whether two paths lead to one folder. */
export function isSameFolder(one: string, other: string): boolean {
  try {
    const [first, second] = [statSync(one), statSync(other)];
    return first.dev === second.dev && first.ino === second.ino;
  } catch {
    return false;
  }
}

/**
 * What keeps a folder from being a place of nobody's but `uids`, as half a sentence; null when nothing does. In a sticky folder others
 * may make files, but not replace those of `uids`: inode(7).
 * @param self the user who asks, for the sentence
 */
export function folderProblem(
  { uid, mode }: Owned,
  { self, uids, allowSticky }: { self: number; uids: readonly number[]; allowSticky: boolean },
): string | null {
  if (!uids.includes(uid)) return `belongs to uid ${uid}, you are uid ${self}`;
  if ((mode & groupOrOthersWrite) === 0 || (allowSticky && (mode & sticky) !== 0)) return null;
  return `may be written to by others (mode ${modeText(mode)})`;
}

/** Half a sentence: why nothing is made in `place`; groups are trusted there, as many users have one of their own. */
export function placeProblem({ uid, mode }: Owned, self: number): string | null {
  if (uid !== self && uid !== 0) return `belongs to uid ${uid}, you are uid ${self}`;
  return (mode & othersWrite) !== 0 && (mode & sticky) === 0
    ? `may be written to by everyone (mode ${modeText(mode)})`
    : null;
}

function modeText(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

/**
 * Makes a folder of this user's own with its parents, mode 0700, or takes one that is there.
 * @throws FOLDER_UNSAFE when it is another's, everyone may write to it, it would be made in such a place, or can't be made
 */
export async function ensureOwnFolder(path: string): Promise<void> {
  const self = ownUid();
  refuseUnsafe(path, nearestAbove(path), self);
  await mkdir(path, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw notMade(path, nearestAbove(path), self, error);
  });
  const found = ownedBy(path);
  if (found?.uid === self) return refuseUnsafe(path, path, self);
  throw notOwn(path, path, found?.uid, self);
}

/** Why `place`, the nearest folder above, takes none: mkdir(2). */
const refusals: Record<string, string> = {
  ENOTDIR: "is no folder",
  EEXIST: "is no folder",
  ENOENT: "takes no folders",
  EROFS: "is on a read-only file system",
  ENOSPC: "has no room left",
  EDQUOT: "has no room left for you",
};

function notMade(path: string, place: string, self: number, error: unknown): unknown {
  const code = errnoOf(error) ?? "";
  if (code === "EACCES" || code === "EPERM") return notWritable(path, place, self);
  const refusal = refusals[code];
  return refusal ? fail("FOLDER_UNSAFE", { path, problem: `${place} ${refusal}` }, error) : error;
}

function notWritable(path: string, place: string, self: number): Error {
  const owner = ownedBy(place)?.uid;
  if (owner === 0 && isBelowHome(place)) return notOwn(path, place, owner, self);
  return fail("FOLDER_UNSAFE", { path, problem: `you may not write to ${place}` });
}

/** Root's folder in a place of a user's is what a program left that ran by sudo(8) with that user's HOME. */
function notOwn(path: string, place: string, owner: number | undefined, self: number): Error {
  const problem = `${place === path ? "it" : place} belongs to uid ${owner}, you are uid ${self}`;
  const next = `if a program made it that you ran with sudo: \`sudo chown -R ${self} ${quoteArgs([place])}\``;
  return fail("FOLDER_UNSAFE", { path, problem, ...(owner === 0 && isBelowHome(place) ? { next } : {}) });
}

/** Nothing else is anybody's to take over. @param home absolute, or there is no such place */
export function isBelowHome(place: string, home = process.env["HOME"] ?? ""): boolean {
  return /^[/]./.test(home) && resolve(place).startsWith(`${resolve(home)}/`) && resolve(home) !== "/";
}

function refuseUnsafe(path: string, place: string, self: number): void {
  const found = ownedBy(place);
  const problem = found && placeProblem(found, self);
  if (!problem) return;
  throw fail("FOLDER_UNSAFE", { path, problem: `${place === path ? "it" : place} ${problem}` });
}

/**
 * A link may lead where another daemon keeps its files, whichever of the two has the link: no lock or owner of the folder
 * above says anything about that place. A path that is missing passes.
 * @throws FOLDER_LINKED
 */
export async function refuseLink(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (found?.isSymbolicLink()) throw fail("FOLDER_LINKED", { path, root: dirname(path) });
}

/** The nearest folder above that exists, as far as this user may see. */
export function nearestAbove(path: string): string {
  const above = dirname(path);
  return above === path || ownedBy(above) ? above : nearestAbove(above);
}

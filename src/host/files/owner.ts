/** Checks who owns a folder and who else can change it, before banger puts anything there. */
import { statSync } from "node:fs";
import { lstat, mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fail } from "../../base/errors/error.ts";
import { quoteArgs } from "../../base/text.ts";
import { errnoOf, isMissing } from "../errno.ts";

/** As stat(2) returns it. */
export type Owned = { uid: number; mode: number };

const groupOrOthersWrite = 0o022;
const othersWrite = 0o002;
const sticky = 0o1000;

/** The effective user of this process. */
export function ownUid(): number {
  return process.geteuid?.() ?? 0;
}

/** Follows links; null when the path is missing or can't be looked at. */
export function ownedBy(path: string): Owned | null {
  try {
    const { uid, mode } = statSync(path);
    return { uid, mode };
  } catch {
    return null;
  }
}

/** Follows links; false when the path is missing or can't be looked at. */
export function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** Whether two paths lead to the same folder. */
export function isSameFolder(one: string, other: string): boolean {
  try {
    const [first, second] = [statSync(one), statSync(other)];
    return first.dev === second.dev && first.ino === second.ino;
  } catch {
    return false;
  }
}

/**
 * Why users other than `uids` could change a folder, as a clause; null when they can't. In a sticky folder others can create files,
 * but not replace those of `uids`: inode(7).
 * @param self the user that the sentence is for
 */
export function folderProblem(
  { uid, mode }: Owned,
  { self, uids, allowSticky }: { self: number; uids: readonly number[]; allowSticky: boolean },
): string | null {
  if (!uids.includes(uid)) return `belongs to uid ${uid}, you are uid ${self}`;
  if ((mode & groupOrOthersWrite) === 0 || (allowSticky && (mode & sticky) !== 0)) return null;
  return `may be written to by others (mode ${modeText(mode)})`;
}

/** Why nothing may be created in `place`, as a clause; groups are trusted there, because many users have a group of their own. */
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
 * Creates a folder of this user with its parents, mode 0700, or accepts an existing one.
 * @throws FOLDER_UNSAFE when it is another user's, is world-writable, would be created in such a place, or can't be created
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

/** Why no folder can be created in `place`, the nearest folder above: mkdir(2). */
const refusals: Record<string, string> = {
  ENOTDIR: "is not a folder",
  EEXIST: "is not a folder",
  ENOENT: "allows no new folders",
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

/** Root's folder in a user's place was left by a program that ran under sudo(8) with that user's HOME. */
function notOwn(path: string, place: string, owner: number | undefined, self: number): Error {
  const problem = `${place === path ? "it" : place} belongs to uid ${owner}, you are uid ${self}`;
  const next = `if a program made it that you ran with sudo: \`sudo chown -R ${self} ${quoteArgs([place])}\``;
  return fail("FOLDER_UNSAFE", { path, problem, ...(owner === 0 && isBelowHome(place) ? { next } : {}) });
}

/** Elsewhere no user can take over ownership. @param home absolute, otherwise false */
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
 * A link could lead to another daemon's files, whichever of the two has the link: no lock and no owner of the folder above protects
 * that place. A missing path passes.
 * @throws FOLDER_LINKED
 */
export async function refuseLink(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (found?.isSymbolicLink()) throw fail("FOLDER_LINKED", { path, root: dirname(path) });
}

/** The nearest existing folder above, as far as this user can see. */
export function nearestAbove(path: string): string {
  const above = dirname(path);
  return above === path || ownedBy(above) ? above : nearestAbove(above);
}

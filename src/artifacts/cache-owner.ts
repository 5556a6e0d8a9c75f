/**
 * A cache belongs to one state folder: only its database knows which files are still needed, so a second daemon would
 * remove the first one's layers as garbage. A file names the owner, and its daemon keeps a lock.
 */
import { fail } from "../base/errors/error.ts";
import { exists, readTextIfAny, realPath, serialOf, writeAtomic } from "../host/files/files.ts";
import { type LockResult, tryLock } from "../host/files/lock.ts";
import { type Paths, pathsOf } from "../model/paths.ts";

export type CacheOwner = {
  /** inode of the cache folder: a copy of the folder is another cache */
  cache: string;
  /** real path of the state folder */
  state: string;
  /** Unix time in `ms` since which only this state folder has written here */
  since: number;
};

export type OwnerFacts = {
  /** from the owner file; null if it is missing or unreadable */
  owner: CacheOwner | null;
  cache: string;
  state: string;
  /** our state folder has no database: it is new or was recreated */
  isNew: boolean;
  /** the owner's state folder has a database */
  ownerLives: boolean;
  now: number;
};

/**
 * The new owner; null if the cache belongs to another state folder. Files older than `since` can be a former owner's.
 */
export function decideOwner({ owner, cache, state, isNew, ownerLives, now }: OwnerFacts): CacheOwner | null {
  const claimed = { cache, state, since: now };
  if (owner === null || owner.cache !== cache) return claimed;
  if (owner.state !== state) return ownerLives ? null : claimed;
  return isNew ? claimed : owner;
}

export type ClaimedCache = { since: number; release(): void };

/**
 * Call it before the database is created and after the state folder is locked.
 * @throws CACHE_OWNED, DAEMON_RUNNING if a daemon of this state folder that is exiting still has it
 */
export async function claimCache(paths: Paths, now: number): Promise<ClaimedCache> {
  const [state, cache] = await Promise.all([realPath(paths.roots.state), serialOf(paths.roots.cache)]);
  const lock = tryLock(paths.cacheLock);
  try {
    const owner = parseOwner(await readTextIfAny(paths.cacheOwner).catch(() => null));
    if ("heldBy" in lock) throw heldError(paths, lock, owner, state);
    const facts = {
      cache,
      state,
      isNew: !(await exists(paths.database)),
      ownerLives: await ownerExists(paths, owner),
      now,
    };
    const decided = decideOwner({ owner, ...facts });
    if (!decided) throw fail("CACHE_OWNED", { cache: paths.roots.cache, state: owner?.state ?? "" });
    if (decided !== owner) await writeAtomic(paths.cacheOwner, `${JSON.stringify(decided)}\n`);
    return { since: decided.since, release: () => lock.release() };
  } catch (error) {
    if ("release" in lock) lock.release();
    throw error;
  }
}

function heldError(paths: Paths, { heldBy }: LockResult & { heldBy: number }, owner: CacheOwner | null, state: string) {
  const { cache } = paths.roots;
  // our own exiting daemon, or a process that it was starting when it was killed
  if (owner === null || owner.state === state) return fail("DAEMON_RUNNING", { directory: cache, pid: heldBy });
  return fail("CACHE_OWNED", { cache, state: owner.state });
}

/** Whether the owner's database exists; an unreadable folder counts as existing. */
async function ownerExists({ roots }: Paths, owner: CacheOwner | null): Promise<boolean> {
  return owner !== null && exists(pathsOf({ ...roots, state: owner.state }).database).catch(() => true);
}

export function parseOwner(text: string | null): CacheOwner | null {
  try {
    const { cache, state, since } = JSON.parse(text ?? "") as Partial<Record<keyof CacheOwner, unknown>>;
    if (typeof cache !== "string" || typeof state !== "string" || !state.startsWith("/")) return null;
    return typeof since === "number" && Number.isFinite(since) ? { cache, state, since } : null;
  } catch {
    return null;
  }
}

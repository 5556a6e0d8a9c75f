/**
 * This user's folders as the environment names them, as far as it can be trusted: cron, su(1) and sudo(8) omit variables or pass on
 * another user's.
 */
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { fail } from "../../base/errors/error.ts";
import { type Roots, rootlessRoots } from "../../model/paths.ts";
import { passwdOf } from "../user.ts";
import { ownedBy, ownUid } from "./owner.ts";

type Env = Record<string, string | undefined>;

export type OwnFolders = {
  roots: Roots;
  /** HOME, else the home from the system's user database; a user's own settings are read there */
  home: string;
  /** the owner of HOME, if root runs with another user's HOME and its folders are in root's own home; else null */
  homeOf: number | null;
};

/** Facts from the system. */
export type FolderFacts = {
  uid: number;
  /** the owner of a path, or of the nearest folder above it; null when unknown */
  ownerOf(path: string): number | null;
  /** this user's home in the user database; null when there is none */
  databaseHome(): string | null;
};

const systemFacts: FolderFacts = {
  uid: ownUid(),
  ownerOf: (path) => ownerAbove(path),
  databaseHome: () => passwdOf(ownUid())?.home || (process.env["HOME"] ? null : runtimeHome()),
};

/**
 * A runtime folder that is another user's, or that this user can't create, counts as unset. Root creates nothing in a user's home:
 * root would own it, and the user could not write there. @throws HOME_INVALID
 */
export function ownFolders(env: Env, facts: FolderFacts = systemFacts): OwnFolders {
  const home = env["HOME"] || facts.databaseHome() || "";
  if (!home.startsWith("/")) throw fail("HOME_INVALID", { home });
  const owner = facts.uid === 0 ? facts.ownerOf(home) : null;
  const isOthers = owner !== null && owner !== 0;
  const own = isOthers ? (facts.databaseHome() ?? "/root") : home;
  const roots = rootlessRoots({ home: own, env: believed(env, facts) });
  return { roots, home, homeOf: isOthers ? owner : null };
}

/** For users in another database: nsswitch.conf(5). */
function runtimeHome(): string | null {
  try {
    return userInfo().homedir || null;
  } catch {
    return null;
  }
}

const folders = ["XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"];

function believed(env: Env, facts: FolderFacts): Env {
  const isOwn = (name: string) => {
    const path = env[name];
    return path === undefined || !path.startsWith("/") || facts.ownerOf(path) === facts.uid;
  };
  const names = facts.uid === 0 ? [...folders, "XDG_RUNTIME_DIR"] : ["XDG_RUNTIME_DIR"];
  const dropped = names.filter((name) => !isOwn(name));
  return { ...env, ...Object.fromEntries(dropped.map((name) => [name, undefined])) };
}

function ownerAbove(path: string): number | null {
  const found = ownedBy(path);
  if (found) return found.uid;
  const above = dirname(path);
  return above === path ? null : ownerAbove(above);
}

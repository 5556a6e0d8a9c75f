/**
 * Where this user's folders go, as the environment says it, as far as that can be believed: cron, su(1) and sudo(8) leave
 * variables out, or hand on another user's.
 */
import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { dirname } from "node:path";
import { fail } from "../../base/errors/error.ts";
import { type Roots, rootlessRoots } from "../../model/paths.ts";
import { ownedBy, ownUid } from "./owner.ts";

type Env = Record<string, string | undefined>;

export type OwnFolders = {
  roots: Roots;
  /** as HOME says, else as the system's user database does; a user's own settings are read there */
  home: string;
  /** whose HOME that is, where root has another user's and its folders are made in root's own; else null */
  homeOf: number | null;
};

/** What is asked of the system. */
export type FolderFacts = {
  uid: number;
  /** the owner of a path, or of the nearest folder above it; null when that can't be told */
  ownerOf(path: string): number | null;
  /** the home that the user database has for this user; null when it has none */
  databaseHome(): string | null;
};

const systemFacts: FolderFacts = {
  uid: ownUid(),
  ownerOf: (path) => ownerAbove(path),
  databaseHome: () => passwdHome(ownUid()) ?? (process.env["HOME"] ? null : runtimeHome()),
};

/**
 * A runtime folder of another user's, or one that this user can't make, counts as unset. Root makes nothing in a user's home:
 * its folders would be root's, and keep the user out. @throws HOME_INVALID
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

/** passwd(5). The runtime's own answer is HOME, where that is set. */
function passwdHome(uid: number): string | null {
  try {
    const lines = readFileSync("/etc/passwd", "utf8").split("\n");
    return lines.map((line) => line.split(":")).find(([, , id]) => id === String(uid))?.[5] || null;
  } catch {
    return null;
  }
}

/** For users whom another database has: nsswitch.conf(5). */
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

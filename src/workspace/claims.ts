/**
 * Whether a git directory belongs to the folder that points to it. A folder can point to any git directory of the user's; then that
 * one's history would go into a VM where untrusted code runs. So the git directory must be inside the folder, name the folder as its
 * work tree, or be the one that `repo` keeps for exactly this folder.
 */
import { quoteArg } from "../base/text.ts";
import { listNames, lookAt, readBeneath, realPathIfAny } from "../host/files/tree.ts";
import { type GitConfig, maxConfigBytes, parseGitConfig } from "./git-config.ts";
import { baseName } from "./names.ts";

/** Why a folder is refused, and the command that fixes it. */
export type Refusal = { reason: string; next?: string };

/** Real paths, as byte text. */
export type Claim = {
  /** the folder with the `.git` */
  root: string;
  /** the git directory that it points to */
  gitDir: string;
  commonDir: string;
};

/** Null when the git directory belongs to the folder. */
export function refusedClaim(claim: Claim): Refusal | null {
  const { root, gitDir, commonDir } = claim;
  if (commonDir !== gitDir && !isLinkedWorktree(claim)) {
    return { reason: "its git directory claims another repository's history as its own" };
  }
  if (commonDir !== gitDir) return refusedWorktree(claim);
  if (coreSettings(gitDir).bool("core.bare") === true) return refusedBare(root, gitDir);
  if (isWithin(gitDir, root) || isProjectOfClient(root, gitDir)) return refusedWorkTree(claim);
  return refusedElsewhere(claim);
}

/** Whether `path` is `folder` or below it; both are real paths. */
export function isWithin(path: string, folder: string): boolean {
  return `${path}/`.startsWith(folder === "/" ? "/" : `${folder}/`);
}

/**
 * A checkout of Google's `repo` keeps its objects and refs in the `.repo` folder of a parent folder, behind links. Everything in there
 * belongs to the same checkout if both have the same owner.
 */
export function isInClient(root: string, path: string): boolean {
  const owner = lookAt(path)?.uid;
  return owner === lookAt(root)?.uid && clientsAbove(root).some((client) => isWithin(path, `${client}/.repo`));
}

/** Whether `repo` made this git directory for this folder, judged by the folder's path in the checkout. */
export function isProjectOfClient(root: string, gitDir: string): boolean {
  return clientsAbove(root).some(
    (client) => gitDir === `${client}/.repo/projects/${root.slice(client.length + 1)}.git`,
  );
}

/** The existing work trees that a git directory names, at most three. */
function worktreesOf(commonDir: string): string[] {
  if (lookAt(`${commonDir}/worktrees`)?.kind !== "folder") return [];
  const named = listNames(`${commonDir}/worktrees`).map((name) => backLink(`${commonDir}/worktrees/${name}`));
  return named.filter((path) => path !== null && lookAt(path)?.kind === "folder").slice(0, 3) as string[];
}

/** For a `.git` that points to something missing. @param target as written in it */
export function refusedTarget(root: string, target: string): Refusal {
  const reason = `its .git file points to a folder that does not exist, ${shown(target)}`;
  const main = /^(.*)\/worktrees\/[^/]+\/?$/s.exec(target);
  if (main === null) return { reason, next: `correct the path in ${typed(`${root}/.git`)}` };
  return {
    reason: `${reason}: its main repository was moved or removed`,
    next: `if it was moved, run \`git worktree repair ${typed(root)}\` where it is now`,
  };
}

export function refusedBare(root: string, gitDir: string): Refusal {
  const worktrees = worktreesOf(gitDir);
  const [first] = worktrees;
  const what = gitDir === root ? "it is a bare git repository" : `its git directory ${shown(gitDir)} is bare`;
  if (first === undefined) {
    return {
      reason: `${what}: it has no files`,
      next: `clone it, or run \`git -C ${typed(root)} worktree add FOLDER\``,
    };
  }
  return {
    reason: `${what}: its files are in its worktrees (${worktrees.map(shown).join(", ")})`,
    next: `name one of them, as in \`banger vm run ${typed(first)}\``,
  };
}

function isLinkedWorktree({ gitDir, commonDir }: Claim): boolean {
  return isWithin(gitDir, `${commonDir}/worktrees`);
}

/** For a folder made by `git worktree add`: its git directory must contain the path of the `.git` file. */
function refusedWorktree({ root, gitDir }: Claim): Refusal | null {
  const named = backLink(gitDir);
  const place = named === null ? null : realPathIfAny(named);
  if (place === root) return null;
  if (place !== null && lookAt(`${place}/.git`) !== null) {
    const reason = `its .git file is that of the worktree ${shown(place)}, whose git directory does not point back to this folder`;
    return { reason, next: `name ${typed(place)}, or make a worktree of its own with \`git worktree add\`` };
  }
  const reason = `it is a worktree that was moved: its git directory still names ${shown(named ?? "no folder")}`;
  return { reason, next: `run \`git -C ${typed(root)} worktree repair\`` };
}

function refusedElsewhere({ root, gitDir }: Claim): Refusal | null {
  const named = coreSettings(gitDir).get("core.worktree");
  const place = named === undefined ? null : realPathIfAny(named.startsWith("/") ? named : `${gitDir}/${named}`);
  if (place === root) return null;
  const owner = place ?? (baseName(gitDir) === ".git" ? gitDir.slice(0, -"/.git".length) : null);
  if (owner !== null) {
    const reason = `its .git leads to the git directory of ${shown(owner)}, which does not point back to this folder`;
    return { reason, next: `name ${typed(owner)}, or make a worktree of it with \`git worktree add\`` };
  }
  const reason = `its git directory is elsewhere, ${shown(gitDir)}, and does not point back to this folder`;
  const command = `git -C ${typed(root)} config core.worktree ${typed(root)}`;
  return { reason, next: `if that git directory is this folder's own, run \`${command}\`` };
}

/** git would use the files at `core.worktree`, and show another status than the guest. */
function refusedWorkTree({ root, gitDir }: Claim): Refusal | null {
  const named = coreSettings(gitDir).get("core.worktree");
  if (named === undefined) return null;
  const place = realPathIfAny(named.startsWith("/") ? named : `${gitDir}/${named}`);
  if (place === root) return null;
  const reason = `its core.worktree names another folder, ${shown(named)}, and git takes its files from there`;
  return {
    reason,
    next: `if that is wrong, run \`git config --file ${typed(`${gitDir}/config`)} --unset core.worktree\``,
  };
}

/** The folder whose `.git` a linked worktree's git directory names; the path can be relative since git 2.48. */
function backLink(gitDir: string): string | null {
  const path = textOf(gitDir, "gitdir", 8192).replace(/\r?\n$/, "");
  if (!path.endsWith("/.git")) return null;
  return path.startsWith("/") ? path.slice(0, -"/.git".length) : `${gitDir}/${path.slice(0, -"/.git".length)}`;
}

/** `core.bare` and `core.worktree` as git reads them at this point: without includes. */
function coreSettings(gitDir: string): GitConfig {
  const text = textOf(gitDir, "config", maxConfigBytes);
  const config = parseGitConfig(text);
  if (config.bool("extensions.worktreeconfig") !== true) return config;
  return parseGitConfig(`${text}\n${textOf(gitDir, "config.worktree", maxConfigBytes)}`);
}

/** Parent folders of `root` with a `.repo` folder of the same owner. */
function clientsAbove(root: string): string[] {
  const owner = lookAt(root)?.uid;
  const clients: string[] = [];
  for (let cut = root.lastIndexOf("/"); cut > 0; cut = root.lastIndexOf("/", cut - 1)) {
    const client = root.slice(0, cut);
    const found = lookAt(`${client}/.repo`);
    if (found?.kind === "folder" && found.uid === owner) clients.push(client);
  }
  return clients;
}

function textOf(folder: string, name: string, max: number): string {
  try {
    return Buffer.from(readBeneath(folder, name, max) ?? []).toString("latin1");
  } catch (error) {
    if (error instanceof RangeError) return "";
    throw error;
  }
}

function shown(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}

/** Quoted for a shell. */
function typed(path: string): string {
  return quoteArg(shown(path));
}

/** From the folder that the user named to the repository (or plain folder) that is meant, or a refusal with its reason. */
import { fail } from "../base/errors/error.ts";
import { byteTextOf, lookAt, readBeneath, realPath } from "../host/tree.ts";
import { maxConfigBytes, parseGitConfig } from "./git-config.ts";
import { baseName } from "./names.ts";

/** A repository's three folders; real paths as byte text. */
export type Repository = {
  workTree: string;
  /** holds HEAD and the index */
  gitDir: string;
  /** holds objects, refs and config; the same as `gitDir` but in a linked worktree */
  commonDir: string;
};

export type Located =
  | { kind: "git"; repository: Repository /** below the work tree, empty for its top */; subfolder: string }
  | { kind: "folder"; root: string; note?: string };

/** @throws WORKSPACE_REFUSED */
export function locate(folder: string, home: string): Located {
  const root = realFolder(folder);
  refuseTooMuch(folder, root, home);
  const here = repositoryAt(root, folder);
  if (here !== null) return { kind: "git", repository: here, subfolder: "" };
  if (looksBare(root)) refuse(folder, "it is a bare git repository: it has no files; clone it first");
  return insideOf(root, folder, home) ?? { kind: "folder", root };
}

/** The repository whose top is `root`; null when there is no usable `.git` in it. */
export function repositoryAt(root: string, shown: string): Repository | null {
  const dotGit = lookAt(`${root}/.git`);
  if (dotGit === null || dotGit.kind === "special") return null;
  const gitDir = dotGit.kind === "file" ? followGitFile(root, shown) : tryRealPath(`${root}/.git`);
  if (gitDir === null || lookAt(`${gitDir}/HEAD`) === null) return null;
  const commonDir = commonOf(gitDir, shown);
  requireBackLink(root, gitDir, commonDir, shown);
  for (const name of ["objects", "refs"]) {
    const found = lookAt(`${commonDir}/${name}`)?.kind;
    if (found === "link") refuse(shown, `its git directory's ${name} is a symbolic link, which is not followed`);
    if (found !== "folder") return null;
  }
  return { workTree: root, gitDir, commonDir };
}

function realFolder(folder: string): string {
  const path = byteTextOf(folder);
  const real = tryRealPath(path === "" ? "." : path);
  if (real === null) throw refusal(folder, "there is no such folder");
  if (lookAt(real)?.kind !== "folder") throw refusal(folder, "it is a file, not a folder");
  if (byteTextOf(Buffer.from(real, "latin1").toString("utf8")) !== real) throw refusal(folder, "its path is not UTF-8");
  return real;
}

function refuseTooMuch(folder: string, root: string, home: string): void {
  const realHome = home === "" ? null : tryRealPath(byteTextOf(home));
  if (root === "/") refuse(folder, "it is the whole file system");
  if (realHome === null || realHome === "/") return;
  if (root === realHome) refuse(folder, "it is your home directory");
  if (`${realHome}/`.startsWith(`${root}/`)) refuse(folder, "your home directory is inside it");
}

/** `.git` as a file: `gitdir: PATH`, relative to the folder. */
function followGitFile(root: string, shown: string): string | null {
  const text = readText(root, ".git", 8192);
  const target = text === null ? undefined : /^gitdir: ([^\n\0]+?)\r?\n?$/.exec(text)?.[1];
  if (target === undefined) return refuse(shown, "its .git file is none of git's");
  const gitDir = tryRealPath(target.startsWith("/") ? target : `${root}/${target}`);
  return gitDir ?? refuse(shown, "its .git file points to a folder that does not exist");
}

function commonOf(gitDir: string, shown: string): string {
  const text = readText(gitDir, "commondir", 8192)?.replace(/\r?\n$/, "");
  if (text === undefined) return gitDir;
  const common = tryRealPath(text.startsWith("/") ? text : `${gitDir}/${text}`);
  return common ?? refuse(shown, "its commondir file points to a folder that does not exist");
}

/**
 * A folder may say that any other folder of the user's is its git directory; then that one's history would go into a
 * VM where the stranger's code runs. So a git directory elsewhere must name this folder as its work tree.
 */
function requireBackLink(root: string, gitDir: string, commonDir: string, shown: string): void {
  if (commonDir !== gitDir && !gitDir.startsWith(`${commonDir}/worktrees/`)) {
    refuse(shown, "its git directory claims another repository's history as its own");
  }
  if (gitDir === `${root}/.git`) return;
  const worktreeFile = readText(gitDir, "gitdir", 8192)?.replace(/\r?\n$/, "");
  const back = worktreeFile?.endsWith("/.git") ? worktreeFile.slice(0, -"/.git".length) : coreWorktree(gitDir);
  const real = back === undefined ? null : tryRealPath(back.startsWith("/") ? back : `${gitDir}/${back}`);
  if (real === root) return;
  refuse(
    shown,
    "its .git points to a git directory elsewhere that does not point back (`git config core.worktree` there would)",
  );
}

function coreWorktree(gitDir: string): string | undefined {
  const text = readText(gitDir, "config", maxConfigBytes);
  return text === null ? undefined : parseGitConfig(text).get("core.worktree");
}

function looksBare(root: string): boolean {
  return (
    lookAt(`${root}/HEAD`)?.kind === "file" &&
    lookAt(`${root}/objects`)?.kind === "folder" &&
    lookAt(`${root}/refs`)?.kind === "folder"
  );
}

/** The repository around `root`, when its owner is the same and it isn't the home directory's own (dot files). */
function insideOf(root: string, folder: string, home: string): Located | null {
  const realHome = tryRealPath(byteTextOf(home));
  const owner = lookAt(root)?.uid;
  for (let top = parentOf(root); top !== "/"; top = parentOf(top)) {
    const dotGit = lookAt(`${top}/.git`);
    if (dotGit === null || dotGit.uid !== owner) continue;
    if (realHome !== null && `${realHome}/`.startsWith(`${top}/`)) {
      return {
        kind: "folder",
        root,
        note: `the repository around ${folder} is that of your home directory: it is not used`,
      };
    }
    const repository = repositoryAt(top, folder);
    if (repository !== null) return { kind: "git", repository, subfolder: root.slice(top.length + 1) };
  }
  return null;
}

/** Whether `path` is `folder` or below it; both without links. */
export function isWithin(path: string, folder: string): boolean {
  return `${path}/`.startsWith(folder === "/" ? "/" : `${folder}/`);
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.length - baseName(path).length - 1)) || "/";
}

function readText(folder: string, name: string, max: number): string | null {
  try {
    const bytes = readBeneath(folder, name, max);
    return bytes === null ? null : Buffer.from(bytes).toString("latin1");
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function tryRealPath(path: string): string | null {
  try {
    return realPath(path);
  } catch {
    return null;
  }
}

function refusal(path: string, reason: string) {
  return fail("WORKSPACE_REFUSED", { path, reason });
}

function refuse(path: string, reason: string): never {
  throw refusal(path, reason);
}

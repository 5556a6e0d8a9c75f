/** Finds the repository (or plain folder) for the folder that the user named, or refuses it with a reason. */
import { fail } from "../base/errors/error.ts";
import { hasOtherBytes, showBytes } from "../base/path-bytes.ts";
import { quoteArg } from "../base/text.ts";
import { byteTextOf, lookAt, readBeneath, realPathIfAny, textOfBytes } from "../host/files/tree.ts";
import { isInClient, isProjectOfClient, isWithin, refusedBare, refusedClaim, refusedTarget } from "./claims.ts";
import { baseName } from "./names.ts";

/** A repository's four folders; real paths as byte text. */
export type Repository = {
  workTree: string;
  /** contains HEAD and the index */
  gitDir: string;
  /** contains objects, refs and config; the same as `gitDir` except in a linked worktree */
  commonDir: string;
  /** in the common directory, or where a link there leads */
  objects: string;
};

export type Located =
  | { kind: "git"; repository: Repository /** below the work tree, empty for its top */; subfolder: string }
  | { kind: "folder"; root: string; note?: string };

/** @throws WORKSPACE_REFUSED */
export function locate(folder: string, home: string): Located {
  const root = realFolder(folder);
  refuseTooMuch(folder, root, home);
  const here = repositoryAt(root, folder);
  if (here !== null) return { kind: "git", repository: utf8Only(here, folder), subfolder: "" };
  const around = parentOf(root);
  if (baseName(root) === ".git" && repositoryAt(around, folder)?.gitDir === root)
    refuse(folder, `it is the git directory of ${utf8(around)}, which has the files`);
  if (looksBare(root)) {
    const { reason, next } = refusedBare(root, root);
    throw refusal(folder, reason, next);
  }
  return insideOf(root, folder, home) ?? { kind: "folder", root };
}

/** The repository whose top is `root`; null when it has no usable `.git`. @throws WORKSPACE_REFUSED */
export function repositoryAt(root: string, shown: string): Repository | null {
  const dotGit = lookAt(`${root}/.git`);
  if (dotGit === null || dotGit.kind === "special") return null;
  const gitDir = dotGit.kind === "file" ? followGitFile(root, shown) : realPathIfAny(`${root}/.git`);
  if (gitDir === null || lookAt(`${gitDir}/HEAD`) === null) return null;
  const claimed = commonOf(gitDir, shown);
  const refused = refusedClaim({ root, gitDir, commonDir: claimed });
  if (refused !== null) throw refusal(shown, refused.reason, refused.next);
  const commonDir = refsAt(root, claimed, shown);
  const objects = commonDir === null ? null : objectsAt(root, commonDir, shown);
  return commonDir === null || objects === null ? null : { workTree: root, gitDir, commonDir, objects };
}

/** The folder with the refs: the git directory, or the one in which `repo` keeps everything but HEAD and the index. */
function refsAt(root: string, commonDir: string, shown: string): string | null {
  const kind = lookAt(`${commonDir}/refs`)?.kind;
  if (kind !== "link") return kind === "folder" ? commonDir : null;
  const target = realPathIfAny(`${commonDir}/refs`);
  const store = target?.endsWith("/refs") ? target.slice(0, -"/refs".length) : null;
  if (store !== null && isProjectOfClient(root, store)) return store;
  throw refusal(
    shown,
    `its git directory's refs is a symbolic link, which is not followed to another repository (${target === null ? "nothing there" : utf8(target)})`,
    "make a worktree of that repository instead, with `git worktree add`",
  );
}

/** The real path of the objects folder; a link must stay in the work tree, or in the `repo` checkout around it. */
function objectsAt(root: string, commonDir: string, shown: string): string | null {
  const link = `${commonDir}/objects`;
  const kind = lookAt(link)?.kind;
  if (kind !== "link") return kind === "folder" ? link : null;
  const target = realPathIfAny(link);
  if (target !== null && lookAt(target)?.kind === "folder") {
    if (isWithin(target, root) || isWithin(target, commonDir) || isInClient(root, target)) return target;
  }
  const [from, to] = [link, target ?? "FOLDER"].map((path) => quoteArg(utf8(path)));
  throw refusal(
    shown,
    `its git directory's objects is a symbolic link, which is not followed out of the repository (${target === null ? "nothing there" : utf8(target)})`,
    `name the folder in a file instead: \`rm ${from} && mkdir -p ${from}/info && echo ${to} >${from}/info/alternates\``,
  );
}

function realFolder(folder: string): string {
  const path = byteTextOf(folder);
  const real = realPathIfAny(path === "" ? "." : path);
  if (real === null) throw refusal(folder, "there is no such folder");
  if (lookAt(real)?.kind !== "folder") throw refusal(folder, "it is a file, not a folder");
  return real;
}

/** git gets these paths as arguments, and the runtime can't pass arguments that are not UTF-8. */
function utf8Only(repository: Repository, shown: string): Repository {
  const { workTree, gitDir, commonDir } = repository;
  if ([workTree, gitDir, commonDir].some((path) => hasOtherBytes(textOfBytes(path))))
    refuse(shown, "it is a git repository, and its path is not UTF-8: rename the folder, or clone it to another one");
  return repository;
}

function refuseTooMuch(folder: string, root: string, home: string): void {
  const realHome = home === "" ? null : realPathIfAny(byteTextOf(home));
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
  const gitDir = realPathIfAny(target.startsWith("/") ? target : `${root}/${target}`);
  if (gitDir !== null) return gitDir;
  const { reason, next } = refusedTarget(root, target);
  throw refusal(shown, reason, next);
}

function commonOf(gitDir: string, shown: string): string {
  const text = readText(gitDir, "commondir", 8192)?.replace(/\r?\n$/, "");
  if (text === undefined) return gitDir;
  const common = realPathIfAny(text.startsWith("/") ? text : `${gitDir}/${text}`);
  return common ?? refuse(shown, "its commondir file points to a folder that does not exist");
}

function looksBare(root: string): boolean {
  return (
    lookAt(`${root}/HEAD`)?.kind === "file" &&
    lookAt(`${root}/objects`)?.kind === "folder" &&
    lookAt(`${root}/refs`)?.kind === "folder"
  );
}

/** The repository around `root`, if it has the same owner and is not the home directory's own (dot files). */
function insideOf(root: string, folder: string, home: string): Located | null {
  const realHome = realPathIfAny(byteTextOf(home));
  const owner = lookAt(root)?.uid;
  for (let top = parentOf(root); top !== "/"; top = parentOf(top)) {
    const dotGit = lookAt(`${top}/.git`);
    if (dotGit === null || dotGit.uid !== owner) continue;
    if (realHome !== null && `${realHome}/`.startsWith(`${top}/`)) {
      return {
        kind: "folder",
        root,
        note: `the repository around ${showBytes(folder)} is that of your home directory: it is not used`,
      };
    }
    const repository = repositoryAt(top, folder);
    if (repository !== null)
      return { kind: "git", repository: utf8Only(repository, folder), subfolder: root.slice(top.length + 1) };
  }
  return null;
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

function utf8(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}

function refusal(path: string, reason: string, next?: string) {
  return fail("WORKSPACE_REFUSED", { path, reason, ...(next === undefined ? {} : { next }) });
}

function refuse(path: string, reason: string): never {
  throw refusal(path, reason);
}

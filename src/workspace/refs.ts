/** Reads HEAD and the refs of a repository from their files or tables: bounded, without following links or running git. */
import { fail } from "../base/errors/error.ts";
import { listNames, lookAt } from "../host/files/tree.ts";
import { readGitFile } from "./git-file.ts";
import type { Repository } from "./locate.ts";
import { readRefTables } from "./ref-tables.ts";

export type Head = {
  /** full ref name, or null when detached */ ref: string | null /** null: no commit yet */;
  oid: string | null;
};
export type Refs = {
  head: Head;
  /** `refs/heads/main` → object id */
  all: Map<string, string>;
  /** `refs/remotes/origin/HEAD` → `refs/remotes/origin/main` */
  symbolic: Map<string, string>;
};

/** Limits for the refs of a repository. */
export const refLimits = {
  refs: 500_000,
  /** folders above a loose ref, below `refs` */
  folders: 32,
  /** bytes of the file `packed-refs` */
  packedBytes: 128 * 1024 * 1024,
};
/** symbolic refs that point to another one; git follows as many */
const maxLinks = 5;
/** bytes of HEAD, and of a loose ref's file */
const maxRefBytes = 4096;
const oidPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

export function isOid(text: string): boolean {
  return oidPattern.test(text);
}

/** @throws WORKSPACE_GIT also above the limits: with only some of its refs it would be another repository */
export function readRefs(repository: Repository, limits = refLimits): Refs {
  const shown = Buffer.from(repository.workTree, "latin1").toString("utf8");
  const found: Found = { all: new Map(), symbolic: new Map(), shown, limits };
  const { all, symbolic } = found;
  let head = textOf(repository.gitDir, "HEAD", maxRefBytes, shown)?.trimEnd();
  if (head === headOfReftable) head = readTables(repository, found);
  else readFiles(repository, found);
  for (let links = 0; links < maxLinks; links++) {
    for (const [name, target] of symbolic) {
      const oid = all.get(target);
      if (oid !== undefined) all.set(name, oid);
    }
  }
  return { head: parseHead(head, found), all, symbolic };
}

/** The content of HEAD in a reftable repository, which makes older gits refuse it. */
const headOfReftable = "ref: refs/heads/.invalid";

function readFiles(repository: Repository, found: Found): void {
  const { all, shown, limits } = found;
  const packed = textOf(repository.commonDir, "packed-refs", limits.packedBytes, shown);
  if (packed !== null && !parsePackedRefs(packed, all, limits.refs)) throw tooMany(found);
  readLoose(repository.commonDir, "refs", 0, found);
}

/** @returns HEAD in the form of its file; a linked worktree has it in a stack of its own */
function readTables(repository: Repository, found: Found): string {
  const { own, common } = tablesOf(repository, found.shown);
  for (const [name, value] of common) {
    if (!isRefName(name)) continue;
    if ("oid" in value) found.all.set(name, value.oid);
    else found.symbolic.set(name, value.target);
    requireFew(found);
  }
  const head = own.get("HEAD");
  if (head === undefined) return "ref: refs/heads/main";
  return "oid" in head ? head.oid : `ref: ${head.target}`;
}

function tablesOf({ gitDir, commonDir }: Repository, shown: string) {
  try {
    const own = readRefTables(gitDir);
    return { own, common: gitDir === commonDir ? own : readRefTables(commonDir) };
  } catch (error) {
    throw problem(shown, (error as Error).message, error);
  }
}

/**
 * Parses `OID SP NAME` lines; skips comments, `^PEELED` lines and malformed lines.
 * @returns false when there are more than `most`; then the rest is not read
 */
export function parsePackedRefs(text: string, into: Map<string, string>, most = refLimits.refs): boolean {
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space !== 40 && space !== 64) continue;
    const [oid, name] = [line.slice(0, space), line.slice(space + 1)];
    if (isOid(oid) && isRefName(name)) into.set(name, oid);
    if (into.size > most) return false;
  }
  return true;
}

/** The rules of `git check-ref-format` for a full name. Byte text. */
export function isRefName(name: string): boolean {
  if (!name.startsWith("refs/") || name.length > 1024 || name.endsWith("/") || name.endsWith(".")) return false;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: git's rule names them
  if (/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\/\//.test(name)) return false;
  return name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"));
}

function parseHead(text: string | undefined, { all, symbolic, shown }: Found): Head {
  if (text !== undefined && isOid(text)) return { ref: null, oid: text };
  let ref = /^ref: *(.+)$/.exec(text ?? "")?.[1];
  for (let links = 0; links < maxLinks; links++) ref = symbolic.get(ref ?? "") ?? ref;
  if (ref === undefined || !isRefName(ref)) throw problem(shown, "its HEAD is damaged");
  return { ref, oid: all.get(ref) ?? null };
}

type Found = { all: Map<string, string>; symbolic: Map<string, string>; shown: string; limits: typeof refLimits };

function readLoose(root: string, folder: string, depth: number, found: Found): void {
  const { all, symbolic, shown, limits } = found;
  if (lookAt(`${root}/${folder}`)?.kind !== "folder") return;
  if (depth > limits.folders) throw problem(shown, `its refs are nested more than ${limits.folders} folders deep`);
  for (const name of listNames(`${root}/${folder}`)) {
    const path = `${folder}/${name}`;
    const kind = lookAt(`${root}/${path}`)?.kind;
    if (kind === "folder") readLoose(root, path, depth + 1, found);
    if (kind !== "file" || !isRefName(path)) continue;
    const text = textOf(root, path, maxRefBytes, shown)?.trimEnd() ?? "";
    if (isOid(text)) all.set(path, text);
    else if (text.startsWith("ref: ")) symbolic.set(path, text.slice(5).trim());
    requireFew(found);
  }
}

function requireFew(found: Found): void {
  if (found.all.size + found.symbolic.size > found.limits.refs) throw tooMany(found);
}

function tooMany({ shown, limits }: Found) {
  return problem(shown, `it has more than ${limits.refs} refs`);
}

function problem(path: string, what: string, cause?: unknown) {
  return fail("WORKSPACE_GIT", { path, problem: what }, cause);
}

function textOf(root: string, path: string, max: number, shown: string): string | null {
  try {
    const bytes = readGitFile(root, path, max);
    return bytes === null ? null : Buffer.from(bytes).toString("latin1");
  } catch (error) {
    throw problem(shown, (error as Error).message, error);
  }
}

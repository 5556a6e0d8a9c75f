/** Which files a git configuration includes, and when (git-config(1), "Includes"). Pure; paths are byte text. */
import { wildmatch } from "./wildmatch.ts";

/** The facts that conditions and paths depend on. */
export type IncludeFacts = {
  /** `$HOME`; null when it is not set */
  home: string | null;
  /** home of another user of the host; null when unknown */
  homeOf(user: string): string | null;
  /** the path without links; null when it does not exist */
  real(path: string): string | null;
  /** the names of the git directory that git tries: the real path, then the user's path to it */
  gitDirs: readonly string[];
  /** current branch without `refs/heads/`; null when HEAD is detached */
  branch: string | null;
};

/** Expands a value of git's type path; null when that is not possible. */
export function expandPath(value: string, { home, homeOf }: Pick<IncludeFacts, "home" | "homeOf">): string | null {
  const path = value.replace(/^:\(optional\)/, "");
  if (path.startsWith("%(prefix)/")) return `/usr${path.slice("%(prefix)".length)}`;
  const user = /^~([^/]*)/.exec(path)?.[1];
  if (user === undefined) return path;
  const folder = user === "" ? home : homeOf(user);
  return folder === null ? null : `${folder}${path.slice(user.length + 1)}`;
}

/** Whether the condition of `[includeIf "CONDITION"]` in `file` is true; `urls` decides `hasconfig`. */
export function isTrue(condition: string, file: string | null, facts: IncludeFacts, urls: () => string[]): boolean {
  const colon = condition.indexOf(":");
  const [keyword, rest] = [condition.slice(0, colon), condition.slice(colon + 1)];
  if (keyword === "gitdir" || keyword === "gitdir/i") return isGitDir(rest, file, facts, keyword === "gitdir/i");
  if (keyword === "onbranch") return facts.branch !== null && wildmatch(withFolders(rest), facts.branch);
  const glob = /^hasconfig:remote\.\*\.url:(.*)$/s.exec(condition)?.[1];
  return glob !== undefined && urls().some((url) => wildmatch(glob, url));
}

function isGitDir(pattern: string, file: string | null, facts: IncludeFacts, ignoreCase: boolean): boolean {
  const whole = gitDirPattern(pattern, file, facts);
  if (whole === null) return false;
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  return facts.gitDirs.some((dir) => {
    const { literal, glob } = whole;
    return fold(dir).startsWith(fold(literal)) && wildmatch(glob, dir.slice(literal.length), ignoreCase);
  });
}

/** `literal` is compared literally: a folder's own name may contain stars. */
function gitDirPattern(
  pattern: string,
  file: string | null,
  facts: IncludeFacts,
): { literal: string; glob: string } | null {
  if (pattern.startsWith("./")) {
    const real = file === null ? null : facts.real(file);
    if (real === null) return null;
    return { literal: real.slice(0, real.lastIndexOf("/") + 1), glob: withFolders(pattern).slice(2) };
  }
  const realHome = facts.home === null ? null : (facts.real(facts.home) ?? facts.home);
  const expanded = expandPath(pattern, { ...facts, home: realHome });
  if (expanded === null) return null;
  return { literal: "", glob: withFolders(expanded.startsWith("/") ? expanded : `**/${expanded}`) };
}

/** A final slash means everything below. */
function withFolders(pattern: string): string {
  return pattern.endsWith("/") ? `${pattern}**` : pattern;
}

/** The condition of a key that includes a file, `true` for a plain include; null when the key includes nothing. */
export function includeCondition(key: string): string | true | null {
  if (key === "include.path") return true;
  return /^includeif\.(.*)\.path$/s.exec(key)?.[1] ?? null;
}

/** Decides what of a guest's work is not committed, and what of that can be applied. Pure. */
import { type Files, isSame, type TreeFile } from "./sent.ts";

export type Trees = {
  /** as they were sent */
  sent: Files;
  /** of the commit that was sent */
  sentHead: Files;
  /** of the guest's HEAD */
  head: Files;
  /** the guest's work tree */
  work: Files;
};

export type Change = {
  path: string;
  /** what the change was made to: what must be in the host's work tree; null: nothing */
  from: TreeFile | null;
  /** null: deleted */
  to: TreeFile | null;
  /** the guest's commits changed the file, too */
  isOnCommits: boolean;
};

/** Changes that no commit of the guest has, by path. What is as it was sent is none. */
export function uncommitted({ sent, sentHead, head, work }: Trees, submodules: readonly string[]): Change[] {
  return pathsOf([sent, head, work], submodules).flatMap((path): Change[] => {
    const to = work.get(path) ?? null;
    const committed = head.get(path) ?? null;
    const isOnCommits = !isSame(committed, sentHead.get(path));
    const from = isOnCommits ? committed : (sent.get(path) ?? null);
    return isSame(to, from) ? [] : [{ path, from, to, isOnCommits }];
  });
}

/** All changes since the files were sent, committed or not, by path. */
export function allChanges({ sent, work }: Trees, submodules: readonly string[]): Change[] {
  return pathsOf([sent, work], submodules).flatMap((path): Change[] => {
    const [from, to] = [sent.get(path) ?? null, work.get(path) ?? null];
    return isSame(from, to) ? [] : [{ path, from, to, isOnCommits: false }];
  });
}

function pathsOf(trees: readonly Files[], submodules: readonly string[]): string[] {
  const paths = new Set(trees.flatMap((tree) => [...tree.keys()]));
  const isInSubmodule = (path: string) => submodules.some((top) => path === top || path.startsWith(`${top}/`));
  return [...paths].filter((path) => !isInSubmodule(path)).sort();
}

/** What is in the host's work tree: a file or link, nothing, or something else. */
export type Present = TreeFile | null | "other";

export type Verdict =
  | { kind: "ready" }
  /** the host has it already */
  | { kind: "same" }
  /** the host's file is neither what was sent nor what the guest has @param reason a clause */
  | { kind: "conflict"; reason: string /** whether a file is in the way, not a folder or the like */; isFile: boolean }
  /** may not be written at all @param reason a clause */
  | { kind: "refused"; reason: string };

/** @param unsafe why the path or link may not be written */
export function judge(change: Change, present: Present, unsafe: string | null): Verdict {
  if (unsafe !== null) return { kind: "refused", reason: unsafe };
  if (present === "other") return { kind: "conflict", reason: "is a folder here, or behind a link", isFile: false };
  if (isSame(present, change.to)) return { kind: "same" };
  if (isSame(present, change.from)) return { kind: "ready" };
  const reason = change.isOnCommits
    ? "is changed by the guest's commits too, which are not in your work tree"
    : present === null
      ? "was deleted here since it was sent"
      : change.from === null
        ? "is new in the VM, and here is another file of that name"
        : "has changed here since it was sent";
  return { kind: "conflict", reason, isFile: true };
}

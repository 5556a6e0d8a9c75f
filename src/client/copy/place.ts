/** Where a copy ends up, as with `cp -r` and `docker cp`: the same rules on the host and in a guest. Pure, on paths of either. */
import { trimEndOf } from "../../base/trim.ts";

/** What is at a path, links followed. */
export type Found = "folder" | "other" | "missing";

/** `path` as it was typed: a slash at its end, or `/.`, has a meaning. */
export type End<T> = { path: string; kind: T };

export type Place = {
  /** an existing folder, as far as is known; its own end tells */
  folder: string;
  /** the new name in it; null: what the source contains goes into the folder itself */
  name: string | null;
};

/** Why it can't be copied, and what to do. Both are clauses. */
export type Misplaced = { problem: string; isMissing: boolean };

export function placeOf(
  source: End<"folder" | "other">,
  target: End<Found>,
  severalSources: boolean,
): Place | Misplaced {
  if (target.kind === "folder")
    return { folder: target.path, name: namesContent(source.path) ? null : lastName(source.path) };
  const isFolderNamed = endsAsFolder(target.path);
  if (target.kind === "other") {
    if (severalSources || isFolderNamed || source.kind === "folder")
      return { problem: "the target is a file, and a folder is needed", isMissing: false };
  } else if (severalSources || (isFolderNamed && source.kind !== "folder")) {
    return { problem: "there is no such folder", isMissing: true };
  }
  const plain = withoutFolderEnd(target.path);
  const name = lastName(plain);
  // `new/..` can't be made
  if (namesContent(name)) return { problem: "there is no such folder", isMissing: true };
  return { folder: parentOf(plain), name };
}

export function isMisplaced(place: Place | Misplaced): place is Misplaced {
  return "problem" in place;
}

/** True for `x/.`, `.`, `..`, `/` and the empty path (the home): not the folder itself is meant, but what it contains. */
export function namesContent(path: string): boolean {
  return ["", ".", ".."].includes(lastName(path));
}

/** True if only a folder can have this path: `x/`, `x/.`, `.`, `..`. */
export function endsAsFolder(path: string): boolean {
  return path.endsWith("/") || namesContent(path);
}

/** `x` for `x/`, `a/x//`; `.` for `x/.`; empty for `/`. */
export function lastName(path: string): string {
  const plain = trimEndOf(path, "/");
  return plain.slice(plain.lastIndexOf("/") + 1);
}

/** The folder that a path is in: `.` for a plain name. */
export function parentOf(path: string): string {
  const plain = trimEndOf(path, "/");
  const cut = plain.lastIndexOf("/");
  return cut < 0 ? "." : cut === 0 ? "/" : plain.slice(0, cut);
}

/** `x/.`, which leads to what `x` leads to if that is a folder, and is nothing else. */
export function asFolder(path: string): string {
  return `${withoutFolderEnd(path).replace(/\/$/, "")}/.`;
}

/** `x` for `x/`, `x/.` and `x/./`; `/` for itself. */
function withoutFolderEnd(path: string): string {
  let plain = path;
  while (plain.endsWith("/") || plain.endsWith("/.")) plain = trimEndOf(plain.replace(/\/\.$/, ""), "/");
  return plain || "/";
}

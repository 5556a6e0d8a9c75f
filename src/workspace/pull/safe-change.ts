/** Which paths and links of a guest's work may be written into a work tree. Pure; byte text. */
import { isSafePath } from "../names.ts";

/** Code points that HFS+ ignores in names, as in git's `utf8.c` (`next_hfs_char`). */
const ignoredByHfs = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * Whether some file system takes the name for `.git`: in any case, with code points that HFS+ ignores, with dots and spaces at its end, as
 * a stream (`.git::$INDEX_ALLOCATION`) or as a short name (`git~1`) on NTFS. Rules of git's `is_hfs_dotgit` and `is_ntfs_dotgit`.
 */
export function isLikeDotGit(name: string): boolean {
  const plain = Buffer.from(name, "latin1").toString("utf8").replace(ignoredByHfs, "").toLowerCase();
  return plain.split("\\").some((part) => /^(?:\.git|git~\d+)[ .]*(?::.*)?$/s.test(part));
}

/** Null, or why the path may not be written, as a clause. */
export function unsafePath(path: string): string | null {
  if (!isSafePath(path)) return "is not a path below the work tree";
  if (path.split("/").some(isLikeDotGit)) return "leads into .git";
  return null;
}

/**
 * Null, or why a link with that target may not be made, as a clause. `..` is allowed at the beginning alone: after the name of another
 * link it would lead up from where that one points.
 */
export function unsafeLink(path: string, target: string): string | null {
  if (target === "" || target.includes("\0") || target.length > 4095) return "is a link without a usable target";
  if (target.startsWith("/")) return "is a link to an absolute path";
  const parts = target.split("/").filter((part) => part !== "" && part !== ".");
  const up = parts.findIndex((part) => part !== "..");
  const ups = up < 0 ? parts.length : up;
  const names = parts.slice(ups);
  if (names.includes("..") || ups > path.split("/").length - 1) return "is a link that leads out of the work tree";
  if (names.some(isLikeDotGit)) return "is a link into .git";
  return null;
}

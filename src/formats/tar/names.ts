/** Names in a tar stream, as paths that can't leave the root. */
import { shown, TarError, type TarKind } from "./header.ts";

/** A path of the archive without a leading `./`; empty for the root. */
export function plainName(name: string): string {
  const plain = name.replace(/^(?:\.?\/+)+/, "");
  return plain === "." ? "" : plain;
}

/**
 * Removes a leading slash and resolves `..`, as a file system does whose root is the archive's: `/a` is `a`,
 * `a/../../b` is `b`. Other paths are returned unchanged.
 */
export function insideRoot(path: string): string {
  if (!path.startsWith("/") && !path.includes("..")) return path;
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

/** @param name from `insideRoot` @param link from `insideRoot` for a hard link @throws TarError naming the entry */
export function checkName(name: string, kind: TarKind, link: string, allowsLineBreaks = false): void {
  checkPath(name, "a name", allowsLineBreaks);
  if (plainName(name) === "" && kind !== "folder") throw new TarError("its root is not a folder");
  if (kind === "hardlink") checkPath(link, "a hard link's target", allowsLineBreaks);
  if (kind === "symlink" && (link === "" || link.includes("\0") || link.length > 4095)) {
    throw new TarError(`${shown(name)} has an unusable link target`);
  }
}

function checkPath(path: string, what: string, allowsLineBreaks: boolean): void {
  if (path.length > 4095) throw new TarError(`${what} is too long`);
  if (path.includes("\0") || (path.includes("\n") && !allowsLineBreaks))
    throw new TarError(`${what} contains a control character: ${shown(path)}`);
  for (const part of path.split("/")) if (part.length > 255) throw new TarError(`${what} is too long`);
}

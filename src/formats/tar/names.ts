/** Names of a tar stream, as paths inside the root: whatever they say, they lead nowhere else. */
import { shown, TarError, type TarKind } from "./header.ts";

/** A path of the archive without `./` in front; the root itself is empty. */
export function plainName(name: string): string {
  const plain = name.replace(/^(?:\.?\/+)+/, "");
  return plain === "." ? "" : plain;
}

/**
 * The path without a leading slash and without `..`, both taken as a file system takes them whose root is the archive's:
 * `/a` is `a`, `a/../../b` is `b`. Any other path is returned as it came.
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

/** @param name and @param link as `insideRoot` returned them, where they are paths @throws TarError naming the entry */
export function checkName(name: string, kind: TarKind, link: string): void {
  checkPath(name, "a name");
  if (plainName(name) === "" && kind !== "folder") throw new TarError("its root is no folder");
  if (kind === "hardlink") checkPath(link, "a hard link's target");
  if (kind === "symlink" && (link === "" || link.includes("\0") || link.length > 4095)) {
    throw new TarError(`${shown(name)} has an unusable link target`);
  }
}

function checkPath(path: string, what: string): void {
  if (path.length > 4095) throw new TarError(`${what} is too long`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
  if (/[\u0000\n]/.test(path)) throw new TarError(`${what} holds a control character: ${shown(path)}`);
  for (const part of path.split("/")) if (part.length > 255) throw new TarError(`${what} is too long`);
}

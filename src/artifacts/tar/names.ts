/** Which names a tar stream may hold: what is inside the root, however it is written, and nothing else. */
import { shown, TarError, type TarKind } from "./header.ts";

/** A path of the archive without `./` in front; the root itself is empty. */
export function plainName(name: string): string {
  const plain = name.replace(/^(?:\.?\/+)+/, "");
  return plain === "." ? "" : plain;
}

/** @throws TarError naming the entry */
export function checkName(name: string, kind: TarKind, link: string): void {
  checkPath(name, "a name");
  if (name.startsWith("/")) throw new TarError(`${shown(name)} is an absolute name`);
  if (plainName(name) === "" && kind !== "folder") throw new TarError("its root is no folder");
  if (kind === "hardlink") checkPath(link, "a hard link's target");
  if (kind === "hardlink" && link.startsWith("/")) throw new TarError(`${shown(name)} links to an absolute name`);
  if (kind === "symlink" && (link === "" || link.includes("\0") || link.length > 4095)) {
    throw new TarError(`${shown(name)} has an unusable link target`);
  }
}

function checkPath(path: string, what: string): void {
  if (path.length > 4095) throw new TarError(`${what} is too long`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the point
  if (/[\u0000\n\r]/.test(path)) throw new TarError(`${what} holds a control character: ${shown(path)}`);
  for (const part of path.split("/")) {
    if (part === "..") throw new TarError(`${what} leaves the root: ${shown(path)}`);
    if (part.length > 255) throw new TarError(`${what} is too long`);
  }
}

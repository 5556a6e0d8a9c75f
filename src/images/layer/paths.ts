/** Paths inside an image: no leading slash, empty for the root; byte strings. */
import { plainName } from "../../formats/tar/names.ts";

/** Normalizes a path: no `./`, `//` or `/./`. */
export function pathOf(name: string): string {
  const plain = plainName(name);
  if (!/\/\/|\/$|(?:^|\/)\.(?:\/|$)/.test(plain)) return plain;
  return plain
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .join("/");
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function joined(parent: string, name: string): string {
  return parent === "" ? name : `${parent}/${name}`;
}

/** A path's folders, highest first, without the root. */
export function* foldersOf(path: string): Generator<string, void, void> {
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) yield path.slice(0, at);
}

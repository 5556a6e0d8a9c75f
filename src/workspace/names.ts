/** Paths inside a repository: byte text, hostile until `isSafePath` says otherwise. */

import { visible } from "../base/display.ts";

/** Linux's PATH_MAX less what the guest's folder takes */
const maxPath = 4000;

/** Relative, no empty, `.` or `..` component, nothing named `.git` in any spelling that git refuses, each name ≤ 255 bytes. */
export function isSafePath(path: string): boolean {
  if (path.length > maxPath || path.includes("\0")) return false;
  return path.split("/").every((name) => isSafeName(name) && !isDotGit(name));
}

/** As `isSafePath`, `.git` allowed: for folders that are no repository. */
export function isSafePlainPath(path: string): boolean {
  if (path.length > maxPath || path.includes("\0")) return false;
  return path.split("/").every(isSafeName);
}

function isSafeName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && name.length <= 255;
}

function isDotGit(name: string): boolean {
  return name.length === 4 && name.toLowerCase() === ".git";
}

/** Byte text for a terminal or JSON: UTF-8 where it is, `\xNN` for every byte that is not, and what can't be seen by its code. */
export function showPath(path: string): string {
  const bytes = Buffer.from(path, "latin1");
  const text = bytes.toString("utf8");
  return visible(Buffer.from(text, "utf8").equals(bytes) ? text : [...bytes].map(showByte).join(""));
}

function showByte(byte: number): string {
  return byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`;
}

/** Every folder above `path`, outermost first: `a`, `a/b` for `a/b/c`. */
export function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let cut = path.indexOf("/"); cut >= 0; cut = path.indexOf("/", cut + 1)) parents.push(path.slice(0, cut));
  return parents;
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `folder` and `name` joined; either may be empty. */
export function under(folder: string, name: string): string {
  return folder === "" ? name : name === "" ? folder : `${folder}/${name}`;
}

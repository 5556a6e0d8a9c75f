/** Paths inside a repository: byte text, untrusted until `isSafePath` accepts them. */

import { visible } from "../base/untrusted-text.ts";

/** Linux's PATH_MAX less the length of the guest's folder */
const maxPath = 4000;

/** Relative, without empty, `.` or `..` components, or a name that git treats as `.git`; each name ≤ 255 bytes. */
export function isSafePath(path: string): boolean {
  if (path.length > maxPath || path.includes("\0")) return false;
  return path.split("/").every((name) => isSafeName(name) && !isDotGit(name));
}

/** As `isSafePath`, but `.git` is allowed: for folders that are not repositories. */
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

/** Byte text for a terminal or JSON: UTF-8 if valid, `\xNN` for every other byte, and escapes for invisible characters. */
export function showPath(path: string): string {
  const bytes = Buffer.from(path, "latin1");
  const text = bytes.toString("utf8");
  return visible(Buffer.from(text, "utf8").equals(bytes) ? text : [...bytes].map(showByte).join(""));
}

function showByte(byte: number): string {
  return byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16)}`;
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** `folder` and `name` joined; either may be empty. */
export function under(folder: string, name: string): string {
  return folder === "" ? name : name === "" ? folder : `${folder}/${name}`;
}

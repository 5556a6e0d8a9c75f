/** Reads a file that decides for whom a service works, and believes it only if nobody but root can have written it. */
import * as fs from "node:fs";
import { errnoOf } from "../errno.ts";

export type RootFile = { text: string } | { problem: string };

const groupOrOthersWrite = 0o022;

/**
 * Null when it is missing. Synchronous, because every command reads one at its start.
 * @param owner who may own it beside root; for tests
 */
export function readRootFile(path: string, maxBytes: number, owner = 0): RootFile | null {
  let fd: number;
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK);
  } catch (error) {
    const code = errnoOf(error);
    return code === "ENOENT" || code === "ENOTDIR" ? null : { problem: problemOf(code) };
  }
  try {
    const { uid, mode, size } = fs.fstatSync(fd);
    if ((mode & fs.constants.S_IFMT) !== fs.constants.S_IFREG) return { problem: "it is not a file" };
    if (uid !== 0 && uid !== owner) return { problem: `it belongs to uid ${uid}, not to root` };
    if ((mode & groupOrOthersWrite) !== 0) return { problem: "others than root may write to it" };
    if (size > maxBytes) return { problem: `it is longer than ${maxBytes} bytes` };
    const bytes = Buffer.alloc(size);
    return { text: bytes.toString("utf8", 0, fs.readSync(fd, bytes, 0, size, 0)) };
  } finally {
    fs.closeSync(fd);
  }
}

function problemOf(code: string | undefined): string {
  if (code === "ELOOP") return "it is a symbolic link";
  return code === "EACCES" ? "you may not read it" : `it can't be read (${code})`;
}

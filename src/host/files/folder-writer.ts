/**
 * Writes below one folder what a stranger names: no path leads out of it, and no symbolic link in it is followed. Each folder on the way
 * is opened from the descriptor of the one above (`/proc/self/fd/N/name`, O_NOFOLLOW), so that a concurrent change can't redirect a write
 * either. Nothing is opened to be changed: a file is written under a name of its own and renamed when it is complete. Paths are byte text
 * (`tree.ts`), relative, `/` between names. Calls are synchronous, as in `tree.ts`.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import { errnoOf } from "../errno.ts";
import { setModified } from "../libc.ts";
import { at, openFolder } from "./at-folder.ts";
import { bytesOf } from "./tree.ts";

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_DIRECTORY } = fs.constants;

/** A path that is not one below the folder, or that leads through something which is not a folder. `problem` is a clause. */
export class PathRefused extends Error {
  readonly path: string;
  readonly problem: string;
  constructor(path: string, problem: string) {
    super(`${JSON.stringify(path)} ${problem}`);
    this.name = "PathRefused";
    this.path = path;
    this.problem = problem;
  }
}

/** A file that is being written; it has its name after `finish`. */
export type NewFile = {
  write(bytes: Uint8Array): void;
  /** leaves a hole @param bytes its length */
  skip(bytes: number): void;
  /** Gives it its mode, its time and its name, in place of a file or link there. @param mode at most 0o777 @param mtimeNs Unix time */
  finish(mode: number, mtimeNs: bigint): void;
  /** Removes it; nothing happens after `finish`. */
  drop(): void;
};

export class FolderWriter {
  readonly #root: number;
  readonly #mark: string;
  /** the folder of the last path, because the next one is usually in it */
  #last: Folder | null = null;
  #count = 0;

  /**
   * @param folder byte text; links in it are followed
   * @param mark 8 hexadecimal digits in the names of unfinished files, for who has to find them after a crash
   * @throws ENOENT, ENOTDIR, EACCES
   */
  constructor(folder: string, mark = randomBytes(4).toString("hex")) {
    this.#root = fs.openSync(bytesOf(folder), O_RDONLY | O_DIRECTORY);
    this.#mark = mark;
  }

  close(): void {
    this.#forget();
    fs.closeSync(this.#root);
  }

  /** Creates a folder (0700) with those above it, or keeps the one that is there. @throws PathRefused, errors of mkdir(2) */
  makeFolder(path: string): void {
    const fd = this.#open(namesOf(path), path, true);
    if (fd !== this.#root) fs.closeSync(fd);
  }

  /** Sets the mode and the time of a folder. @param mode at most 0o777 @throws PathRefused, EPERM */
  finishFolder(path: string, mode: number, mtimeNs: bigint): void {
    const fd = this.#open(namesOf(path), path, false);
    try {
      fs.fchmodSync(fd, mode & 0o777);
      setModified(fd, mtimeNs);
    } finally {
      if (fd !== this.#root) fs.closeSync(fd);
    }
  }

  /** @throws PathRefused, errors of open(2) */
  startFile(path: string): NewFile {
    const { folder, name } = this.#parent(path);
    const temp = this.#temporary();
    const fd = fs.openSync(at(folder.fd, temp), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    return new OpenFile(fd, folder, temp, name);
  }

  /** Creates a symbolic link, in place of a file or link there. @param target byte text, not looked at @throws PathRefused, EISDIR */
  makeLink(path: string, target: string, mtimeNs: bigint): void {
    const { folder, name } = this.#parent(path);
    const temp = this.#temporary();
    fs.symlinkSync(bytesOf(target), at(folder.fd, temp));
    setModified(folder.fd, mtimeNs, bytesOf(temp));
    renameOrRemove(folder.fd, temp, name);
  }

  /** Gives the file `from` a second name, in place of a file or link there. @throws PathRefused when `from` is not a regular file */
  makeHardLink(path: string, from: string): void {
    const names = namesOf(from);
    const sourceName = names.pop() ?? "";
    const source = this.#open(names, from, false);
    try {
      if (sourceName === "" || !fs.lstatSync(at(source, sourceName)).isFile())
        throw new PathRefused(from, "is the target of a hard link and not a file");
      const { folder, name } = this.#parent(path);
      if (isSame(at(source, sourceName), at(folder.fd, name))) return;
      const temp = this.#temporary();
      fs.linkSync(at(source, sourceName), at(folder.fd, temp));
      renameOrRemove(folder.fd, temp, name);
    } finally {
      if (source !== this.#root) fs.closeSync(source);
    }
  }

  /** Removes a file or link. @throws PathRefused, EISDIR, ENOENT */
  remove(path: string): void {
    const { folder, name } = this.#parent(path);
    fs.unlinkSync(at(folder.fd, name));
  }

  /** Removes a folder if it is empty. @returns whether it was @throws PathRefused, ENOENT */
  removeEmptyFolder(path: string): boolean {
    const { folder, name } = this.#parent(path);
    try {
      fs.rmdirSync(at(folder.fd, name));
      return true;
    } catch (error) {
      if (errnoOf(error) === "ENOTEMPTY" || errnoOf(error) === "EEXIST") return false;
      throw error;
    }
  }

  /**
   * Replaces a small file as git does: the new one is made as `lock`, which must not exist, made durable, and renamed.
   * @param lock in the same folder @returns false when there is a `lock` already @throws PathRefused, errors of open(2)
   */
  replaceLocked(path: string, lock: string, bytes: Uint8Array): boolean {
    const { folder, name } = this.#parent(path);
    const temp = lock.slice(lock.lastIndexOf("/") + 1);
    let fd: number;
    try {
      fd = fs.openSync(at(folder.fd, temp), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644);
    } catch (error) {
      if (errnoOf(error) === "EEXIST") return false;
      throw error;
    }
    try {
      fs.writeSync(fd, bytes);
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    renameOrRemove(folder.fd, temp, name);
    return true;
  }

  #temporary(): string {
    return `.banger-${this.#mark}-${this.#count++}.part`;
  }

  #parent(path: string): { folder: Folder; name: string } {
    const names = namesOf(path);
    const name = names.pop();
    if (name === undefined) throw new PathRefused(path, "is the target folder itself");
    const above = names.join("/");
    if (this.#last?.path !== above) {
      this.#forget();
      const fd = this.#open(names, path, true);
      this.#last = new Folder(above, fd, fd === this.#root);
    }
    return { folder: this.#last, name };
  }

  #forget(): void {
    this.#last?.release();
    this.#last = null;
  }

  /** The caller closes it, unless it is the root's. */
  #open(names: readonly string[], path: string, creates: boolean): number {
    let here = this.#root;
    for (const name of names) {
      try {
        const next = openOrMake(here, name, path, creates);
        if (here !== this.#root) fs.closeSync(here);
        here = next;
      } catch (error) {
        if (here !== this.#root) fs.closeSync(here);
        throw error;
      }
    }
    return here;
  }
}

/** An open folder, closed when the last of its users has released it. */
class Folder {
  readonly path: string;
  readonly fd: number;
  readonly #isRoot: boolean;
  #users = 1;

  constructor(path: string, fd: number, isRoot: boolean) {
    this.path = path;
    this.fd = fd;
    this.#isRoot = isRoot;
  }

  use(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users === 0 && !this.#isRoot) fs.closeSync(this.fd);
  }
}

class OpenFile implements NewFile {
  readonly #fd: number;
  readonly #folder: Folder;
  readonly #temp: string;
  readonly #name: string;
  #position = 0;
  #isOver = false;

  constructor(fd: number, folder: Folder, temp: string, name: string) {
    folder.use();
    this.#fd = fd;
    this.#folder = folder;
    this.#temp = temp;
    this.#name = name;
  }

  write(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const count = fs.writeSync(this.#fd, bytes, done, bytes.length - done, this.#position);
      done += count;
      this.#position += count;
    }
  }

  skip(bytes: number): void {
    this.#position += bytes;
    fs.ftruncateSync(this.#fd, this.#position);
  }

  finish(mode: number, mtimeNs: bigint): void {
    fs.fchmodSync(this.#fd, mode & 0o777);
    setModified(this.#fd, mtimeNs);
    this.#isOver = true;
    try {
      renameOrRemove(this.#folder.fd, this.#temp, this.#name);
    } finally {
      this.#close();
    }
  }

  drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    fs.unlinkSync(at(this.#folder.fd, this.#temp));
    this.#close();
  }

  #close(): void {
    fs.closeSync(this.#fd);
    this.#folder.release();
  }
}

/** The names of a path. @throws PathRefused unless each is one below the folder */
function namesOf(path: string): string[] {
  if (path === "") return [];
  const names = path.split("/");
  for (const name of names) {
    if (name === "" || name === "." || name === ".." || name.includes("\0"))
      throw new PathRefused(path, "is not a path below the target");
  }
  return names;
}

function openOrMake(folder: number, name: string, path: string, creates: boolean): number {
  try {
    return openFolder(folder, name);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === "ELOOP" || errno === "ENOTDIR")
      throw new PathRefused(path, "leads through a link or a file, where a folder is needed");
    if (errno !== "ENOENT" || !creates) throw error;
  }
  fs.mkdirSync(at(folder, name), 0o700);
  return openFolder(folder, name);
}

function renameOrRemove(folder: number, temp: string, name: string): void {
  try {
    fs.renameSync(at(folder, temp), at(folder, name));
  } catch (error) {
    fs.unlinkSync(at(folder, temp));
    throw error;
  }
}

/** Whether both are names of one file already: then rename(2) would do nothing. */
function isSame(one: string | Buffer, other: string | Buffer): boolean {
  const [first, second] = [one, other].map((path) => fs.lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  return first !== undefined && second !== undefined && first.dev === second.dev && first.ino === second.ino;
}

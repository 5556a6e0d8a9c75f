/**
 * Removes a tree even if the modes of its folders keep their owner out. Every folder is opened relative to its parent's descriptor,
 * without following links, so concurrent changes of the tree can't redirect the removal. Two descriptors are open at a time,
 * however deep the tree is.
 */
import * as fs from "node:fs";
import { chmod, type FileHandle, open, readdir, rmdir, unlink } from "node:fs/promises";
import { bytesOfPath, textOfPath } from "../../base/path-bytes.ts";
import { errnoOf } from "../errno.ts";

/** Something that could not be removed. */
export type Stuck = {
  path: string;
  /** the system's error, such as `EPERM` */
  errno: string;
  /** its owner, if that is the reason */
  uid?: number;
};

/** `O_PATH` of open(2): needs no permission on the folder itself. */
const pathOnly = 0o10000000 | fs.constants.O_DIRECTORY;
const ownerRights = 0o700;
/** concurrent unlinks */
const atOnce = 64;

type Frame = { name: Buffer; inode: string; folders: Buffer[]; isListed: boolean };

/**
 * Removes `path`, which is absolute and ends in a name, and everything below it; skips what can't be removed, and mounted file systems.
 * @returns the first thing that was left; null when nothing was
 * @throws the system's error when the folder that `path` is in can't be opened
 */
export async function clearTree(path: string): Promise<Stuck | null> {
  // the runtime's dirname and basename replace bytes that are not UTF-8
  const cut = path.lastIndexOf("/");
  const above = path.slice(0, cut) || "/";
  const walk = new Walk(above, await open(bytesOfPath(above), pathOnly));
  try {
    return await walk.remove(Buffer.from(bytesOfPath(path.slice(cut + 1))));
  } finally {
    await walk.close();
  }
}

class Walk {
  readonly #stack: Frame[] = [];
  readonly #parent: string;
  #here: FileHandle;
  #stuck: Stuck | null = null;

  constructor(parent: string, here: FileHandle) {
    this.#parent = parent;
    this.#here = here;
  }

  async remove(name: Buffer): Promise<Stuck | null> {
    await makeUsable(this.#here);
    this.#stack.push({ name: Buffer.alloc(0), inode: await inodeOf(this.#here), folders: [], isListed: true });
    await this.#unlink(name);
    for (;;) {
      const frame = this.#stack.at(-1) as Frame;
      if (!frame.isListed) await this.#list(frame);
      const next = frame.folders.pop();
      if (next) await this.#enter(next);
      else if (this.#stack.length === 1) return this.#stuck;
      else if (!(await this.#leave())) return this.#stuck;
    }
  }

  close(): Promise<void> {
    return this.#here.close();
  }

  /** Unlinks everything that is not a folder, and keeps the names of folders. */
  async #list(frame: Frame): Promise<void> {
    frame.isListed = true;
    try {
      const names = await readdir(at(this.#here), { encoding: "buffer" });
      for (let from = 0; from < names.length; from += atOnce)
        await Promise.all(names.slice(from, from + atOnce).map((name) => this.#unlink(name)));
    } catch (error) {
      this.#note(error);
    }
  }

  async #unlink(name: Buffer): Promise<void> {
    try {
      await unlink(below(this.#here, name));
    } catch (error) {
      if (errnoOf(error) === "EISDIR") this.#stack.at(-1)?.folders.push(name);
      else this.#note(error, name);
    }
  }

  async #enter(name: Buffer): Promise<void> {
    let child: FileHandle | undefined;
    try {
      child = await open(below(this.#here, name), pathOnly | fs.constants.O_NOFOLLOW);
      if ((await child.stat()).dev !== (await this.#here.stat()).dev) throw mounted();
      await makeUsable(child);
      this.#stack.push({ name, inode: await inodeOf(child), folders: [], isListed: false });
      await this.#here.close();
      this.#here = child;
    } catch (error) {
      this.#note(error, name, await child?.stat().catch(() => undefined));
      await child?.close();
    }
  }

  /** Returns to the parent folder and removes this one from it. False when the folder was moved. */
  async #leave(): Promise<boolean> {
    const up = await open(below(this.#here, Buffer.from("..")), pathOnly);
    await this.#here.close();
    this.#here = up;
    const done = this.#stack.pop() as Frame;
    if ((await inodeOf(up)) !== this.#stack.at(-1)?.inode) {
      this.#note(Object.assign(new Error("moved"), { code: "EBUSY" }), done.name);
      return false;
    }
    try {
      await rmdir(below(up, done.name));
    } catch (error) {
      this.#note(error, done.name);
    }
    return true;
  }

  /** A folder that is not empty is only a consequence of something in it, which was recorded before. */
  #note(error: unknown, name?: Buffer, stat?: fs.Stats): void {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    if (errno === "ENOENT" || this.#stuck !== null) return;
    const names = [...this.#stack.slice(1).map((frame) => frame.name), ...(name ? [name] : [])];
    const path = [this.#parent, ...names.map(textOfPath)].join("/");
    const isForeign = stat !== undefined && stat.uid !== process.getuid?.();
    this.#stuck = { path, errno, ...(isForeign ? { uid: stat.uid } : {}) };
  }
}

async function makeUsable(folder: FileHandle): Promise<void> {
  const { mode } = await folder.stat();
  // fchmod(2) refuses an O_PATH descriptor; its name in proc(5) leads to the same folder
  if ((mode & ownerRights) !== ownerRights) await chmod(at(folder), (mode & 0o7777) | ownerRights);
}

async function inodeOf(folder: FileHandle): Promise<string> {
  const { dev, ino } = await folder.stat({ bigint: true });
  return `${dev}:${ino}`;
}

function at(folder: FileHandle): string {
  return `/proc/self/fd/${folder.fd}`;
}

function below(folder: FileHandle, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${at(folder)}/`), name]);
}

function mounted(): Error {
  return Object.assign(new Error("a file system is mounted there"), { code: "EBUSY" });
}

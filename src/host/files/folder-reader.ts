/**
 * Reads below one folder and follows no symbolic link there, whatever happens to the names meanwhile: each folder on the way is opened
 * from the descriptor of the one above (`/proc/self/fd/N/name`, O_NOFOLLOW), as in `folder-writer.ts`. A path that leads through a link,
 * or to something else than asked for, counts as missing. Paths are byte text (`tree.ts`), relative, `/` between names. Calls are
 * synchronous, as in `tree.ts`.
 */
import * as fs from "node:fs";
import { errnoOf } from "../errno.ts";
import { at, openFolder } from "./at-folder.ts";
import { bytesOf, type EntryInfo, infoOf, type OpenEntry, openEntry } from "./tree.ts";

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = fs.constants;

export class FolderReader {
  readonly #root: number;

  /** @param folder byte text; links in it are followed @throws ENOENT, ENOTDIR, EACCES */
  constructor(folder: string) {
    this.#root = fs.openSync(bytesOf(folder), O_RDONLY | O_DIRECTORY);
  }

  /** Files that were opened stay open. */
  close(): void {
    fs.closeSync(this.#root);
  }

  /** What is at the path; a link is one itself. @throws EACCES */
  look(path: string): EntryInfo | null {
    return this.#within(path, (folder, name) => infoOf(fs.lstatSync(at(folder, name), { bigint: true })));
  }

  /** Names in a folder, in byte order. @throws EACCES */
  list(path: string): string[] | null {
    return this.#within(path, (folder, name) => {
      const fd = openFolder(folder, name);
      try {
        const names = fs.readdirSync(`/proc/self/fd/${fd}`, { encoding: "buffer" });
        return names.map((each) => each.toString("latin1")).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
      } finally {
        fs.closeSync(fd);
      }
    });
  }

  /** Opens a regular file. Never blocks on a FIFO. @throws EACCES */
  open(path: string): OpenEntry | null {
    return this.#within(path, (folder, name) => {
      const fd = fs.openSync(at(folder, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
      const info = infoOf(fs.fstatSync(fd, { bigint: true }));
      if (info.kind === "file") return openEntry(fd, info);
      fs.closeSync(fd);
      return null;
    });
  }

  /** Hands over the path's folder and last name. @returns null when nothing is there, or not without a link */
  #within<T>(path: string, use: (folder: number, name: string) => T): T | null {
    const names = path.split("/");
    if (names.some((name) => name === "" || name === "." || name === ".." || name.includes("\0"))) return null;
    const last = names.pop() as string;
    const opened: number[] = [];
    try {
      let here = this.#root;
      for (const name of names) {
        here = openFolder(here, name);
        opened.push(here);
      }
      return use(here, last);
    } catch (error) {
      if (absent.has(errnoOf(error) ?? "")) return null;
      throw error;
    } finally {
      for (const fd of opened) fs.closeSync(fd);
    }
  }
}

/** ELOOP: a link (open(2), O_NOFOLLOW); ENXIO: a socket, or a device that is not there */
const absent = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENXIO", "ENODEV", "ENAMETOOLONG"]);

/**
 * What an apply replaces, kept until it is taken back or the next apply: one folder for each work tree, with `journal.json` and the old
 * files in `saved/`. It is written and made durable before the work tree changes.
 */
import { createHash, randomBytes } from "node:crypto";
import { fail } from "../../base/errors/error.ts";
import {
  ensureFolder,
  listFolder,
  makeDurable,
  readTextIfAny,
  removeTree,
  rename,
  syncPath,
  writeAtomic,
} from "../../host/files/files.ts";
import { tryLock } from "../../host/files/lock.ts";
import { isTreeMode, type ObjectFormat, type TreeFile } from "./sent.ts";

/** A file or link as it was: git's view, and what git does not keep. */
export type Before = TreeFile & {
  /** permission bits; of a file */
  bits?: number;
  /** Unix time in `ns`, decimal */
  mtimeNs: string;
  /** name in `saved/`; of a file */
  saved?: string;
  /** of a link, byte text */
  target?: string;
};

export type Entry = { /** byte text */ path: string; before: Before | null; after: TreeFile | null };

export type Journal = {
  /** the work tree, a real path */
  root: string;
  vm: string;
  format: ObjectFormat;
  /** of the names of unfinished files (`FolderWriter`) */
  mark: string;
  /** false while files are being written */
  isDone: boolean;
  entries: Entry[];
  /** folders that were removed because they became empty, outermost first */
  removedFolders: { path: string; bits: number }[];
  /** folders that were made, outermost first */
  madeFolders: string[];
};

/** Where the journal of a work tree is. @param applied `paths.applied` */
export function journalFolder(applied: string, root: string): string {
  return `${applied}/${createHash("sha256").update(root).digest("hex").slice(0, 32)}`;
}

const maxBytes = 256 * 1024 * 1024;

/** Null when there is none. @throws RangeError when it is damaged */
export async function readJournal(folder: string): Promise<Journal | null> {
  const text = await readTextIfAny(`${folder}/journal.json`, maxBytes);
  if (text === null) return null;
  const journal = JSON.parse(text) as Journal & { version: number };
  const isWhole = journal.version === 1 && Array.isArray(journal.entries) && journal.entries.every(isEntry);
  if (!isWhole) throw new RangeError(`${folder}/journal.json is damaged`);
  return journal;
}

function isEntry({ path, before, after }: Entry): boolean {
  return typeof path === "string" && [before, after].every((each) => each === null || isTreeMode(each.mode));
}

/** A folder for a new journal beside the old one, which stays until `place`. The caller has the lock. */
export async function newJournal(folder: string): Promise<{ saved: string; place(journal: Journal): Promise<void> }> {
  const cut = folder.lastIndexOf("/");
  const [parent, own] = [folder.slice(0, cut), folder.slice(cut + 1)];
  const unplaced = (await listFolder(parent)).filter((name) => name.startsWith(`${own}.`) && name.endsWith(".new"));
  for (const name of unplaced) await removeTree(`${parent}/${name}`);
  const temp = `${folder}.${randomBytes(4).toString("hex")}.new`;
  await ensureFolder(`${temp}/saved`);
  return {
    saved: `${temp}/saved`,
    async place(journal) {
      await writeJournal(temp, journal);
      const saved = journal.entries.flatMap(({ before }) => (before?.saved ? [`${temp}/saved/${before.saved}`] : []));
      await makeDurable([...saved, `${temp}/saved`]);
      await removeTree(folder);
      await rename(temp, folder);
      await syncPath(parent);
    },
  };
}

export async function writeJournal(folder: string, journal: Journal): Promise<void> {
  await writeAtomic(`${folder}/journal.json`, JSON.stringify({ version: 1, ...journal }));
}

/** One apply or undo at a time for each work tree. */
export function lockOf(folder: string, root: string): { release(): void } {
  const lock = tryLock(`${folder}.lock`);
  if ("release" in lock) return lock;
  throw fail("WORKSPACE_UNDO", {
    path: root,
    problem: "another banger is changing it",
    next: "run the command again when that has ended",
  });
}

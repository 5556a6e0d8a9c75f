/** Takes the last apply to a work tree back: every file has its old content, mode and time again. */
import { fail } from "../../base/errors/error.ts";
import { count, firstOf } from "../../base/text.ts";
import { exists, removeTree } from "../../host/files/files.ts";
import { showPath } from "../names.ts";
import { journalFolder, lockOf, readJournal } from "./journal.ts";
import { changedSince, restore } from "./restore.ts";

export type Undone = {
  root: string;
  vm: string;
  /** byte text */
  paths: string[];
  /** whether the apply was interrupted */
  wasInterrupted: boolean;
};

/** files named in an error */
const mostNamed = 10;

/**
 * @param root the work tree, a real path @param applied `paths.applied`
 * @throws WORKSPACE_UNDO when nothing was applied, or files changed since
 */
export async function undoLast(applied: string, root: string): Promise<Undone> {
  const folder = journalFolder(applied, root);
  if (!(await exists(folder))) throw nothing(root);
  const lock = lockOf(folder, root);
  try {
    const journal = await readJournal(folder);
    if (journal === null) throw nothing(root);
    const changed = changedSince(journal);
    if (changed.length > 0) throw refusal(root, changed, `${folder}/saved`);
    await restore(folder, journal);
    await removeTree(folder);
    const paths = journal.entries.map(({ path }) => path);
    return { root, vm: journal.vm, paths, wasInterrupted: !journal.isDone };
  } finally {
    lock.release();
  }
}

function nothing(root: string): Error {
  return fail("WORKSPACE_UNDO", { path: root, problem: "nothing was applied there, or it was taken back" });
}

function refusal(root: string, changed: readonly string[], saved: string): Error {
  return fail("WORKSPACE_UNDO", {
    path: root,
    problem: `${count(changed.length, "file")} changed since: ${firstOf(changed, mostNamed, showPath)}`,
    next: `make them as the pull left them and try again; the old files are in ${saved} until the next pull`,
  });
}

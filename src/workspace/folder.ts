/** A folder that is not a git repository: everything in it is sent. */
import { fail } from "../base/errors/error.ts";
import { count } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import { listNames, lookAt } from "../host/files/tree.ts";
import type { Collector } from "./collect.ts";
import { isSafePlainPath, under } from "./names.ts";
import type { Notes } from "./notes.ts";

const maxEntries = 1_000_000;

/** Adds all of `root` to the collector and notes how much that is. @throws WORKSPACE_REFUSED when it is too large */
export function listFolder(root: string, shown: string, collector: Collector, notes: Notes): void {
  walk(root, "", shown, collector, notes);
  const { files, bytes } = collector.totals;
  notes.add(
    "info",
    `${shown} is not a git repository: all of it is copied, ${count(files, "file")}, ${formatSize(bytes)}`,
  );
}

function walk(root: string, folder: string, shown: string, collector: Collector, notes: Notes): void {
  for (const name of namesIn(under(root, folder), folder, notes)) {
    const path = under(folder, name);
    if (collector.entries.length >= maxEntries) {
      throw fail("WORKSPACE_REFUSED", { path: shown, reason: `it holds more than ${maxEntries} files` });
    }
    if (!isSafePlainPath(path)) notes.path("its path is too long, so not sent", path);
    else if (lookAt(`${root}/${path}`)?.kind !== "folder") collector.add(path, "folder");
    else if (collector.addFolder(path, "folder")) {
      if (name === ".git") notes.path("a repository's git directory, copied as it is, configuration included", path);
      walk(root, path, shown, collector, notes);
    }
  }
}

function namesIn(folder: string, shown: string, notes: Notes): string[] {
  try {
    return listNames(folder);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code !== "EACCES" && code !== "EPERM") throw error;
    notes.path("may not be read, so not sent", shown);
    return [];
  }
}

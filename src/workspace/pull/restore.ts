/** Puts a work tree back into the state before an apply, wherever that one got to. It can be interrupted and run again. */
import { parentsOf } from "../../base/parents.ts";
import { readBytes } from "../../host/files/files.ts";
import { FolderWriter } from "../../host/files/folder-writer.ts";
import { byteTextOf, listNames, lookAt } from "../../host/files/tree.ts";
import { hasOnly, presentAt } from "./host-file.ts";
import type { Before, Entry, Journal } from "./journal.ts";
import { isSame } from "./sent.ts";

const largestSaved = 512 * 1024 ** 2;

/** Paths that are neither as they were before the apply nor as it made them: the user's own work since. */
export function changedSince({ root, entries, format }: Journal): string[] {
  const place = byteTextOf(root);
  const changed = entries.filter(({ path, before, after }) => {
    const present = presentAt(place, path, format);
    if (present === "other") return !isOnTheWay(place, path, entries);
    return !isSame(present, before) && !isSame(present, after);
  });
  return changed.map(({ path }) => path);
}

/** A folder where a file was or will be, or the reverse: the entries below or above it are looked at themselves. */
function isOnTheWay(root: string, path: string, entries: readonly Entry[]): boolean {
  if (lookAt(`${root}/${path}`)?.kind === "folder")
    return hasOnly(root, path, new Set(entries.map((other) => other.path)));
  const above = new Set(parentsOf(path));
  return entries.some((other) => above.has(other.path));
}

/** @param folder of the journal */
export async function restore(folder: string, journal: Journal): Promise<void> {
  const root = byteTextOf(journal.root);
  const writer = new FolderWriter(root, journal.mark);
  try {
    await restoreWith(writer, root, folder, journal);
  } finally {
    writer.close();
  }
}

async function restoreWith(writer: FolderWriter, root: string, folder: string, journal: Journal): Promise<void> {
  const { entries, format, madeFolders, removedFolders, mark } = journal;
  removeUnfinished(root, writer, entries, mark);
  const differing = entries.filter(({ path, before }) => !isSame(asFile(presentAt(root, path, format)), before));
  for (const { path } of differing.filter(({ before }) => before === null)) {
    const present = presentAt(root, path, format);
    if (present !== null && present !== "other") writer.remove(path);
  }
  for (const path of madeFolders.toReversed()) {
    if (lookAt(`${root}/${path}`)?.kind === "folder" && !removedFolders.some((one) => one.path === path))
      writer.removeEmptyFolder(path);
  }
  for (const { path } of removedFolders) {
    if (lookAt(`${root}/${path}`) === null) writer.makeFolder(path);
  }
  for (const { path, before } of differing) if (before !== null) await putBack(writer, `${folder}/saved`, path, before);
  for (const { path, bits } of removedFolders.toReversed()) {
    const info = lookAt(`${root}/${path}`);
    if (info?.kind === "folder") writer.finishFolder(path, bits, info.mtimeNs);
  }
}

function asFile(present: ReturnType<typeof presentAt>) {
  return present === "other" ? { mode: "100644" as const, oid: "" } : present;
}

async function putBack(writer: FolderWriter, saved: string, path: string, before: Before): Promise<void> {
  const mtimeNs = BigInt(before.mtimeNs);
  if (before.target !== undefined) return writer.makeLink(path, before.target, mtimeNs);
  const data = await readBytes(`${saved}/${before.saved}`, largestSaved);
  writeFile(writer, path, data, before.bits ?? 0o600, mtimeNs);
}

/** Files that were being written when a process was killed. */
function removeUnfinished(root: string, writer: FolderWriter, entries: readonly Entry[], mark: string): void {
  const folders = new Set(entries.flatMap(({ path }) => ["", ...parentsOf(path)]));
  for (const folder of folders) {
    const at = folder === "" ? root : `${root}/${folder}`;
    if (lookAt(at)?.kind !== "folder") continue;
    for (const name of listNames(at)) {
      if (name.startsWith(`.banger-${mark}-`) && name.endsWith(".part"))
        writer.remove(folder === "" ? name : `${folder}/${name}`);
    }
  }
}

export function writeFile(writer: FolderWriter, path: string, data: Uint8Array, bits: number, mtimeNs: bigint): void {
  const file = writer.startFile(path);
  try {
    file.write(data);
    file.finish(bits, mtimeNs);
  } finally {
    file.drop();
  }
}

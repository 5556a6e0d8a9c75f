/**
 * Writes accepted changes into the host's work tree: all of them or none. What is replaced is saved first, and a journal says how far it
 * got, so that after a crash `undo.ts` has the state before it again.
 */

import { randomBytes } from "node:crypto";
import { fail } from "../../base/errors/error.ts";
import { parentsOf } from "../../base/parents.ts";
import { ensureFolder, removeTree } from "../../host/files/files.ts";
import { FolderWriter } from "../../host/files/folder-writer.ts";
import { writeNew as writeNewFile } from "../../host/files/new-file.ts";
import { byteTextOf, linkBeneath, lookAt, readBeneath } from "../../host/files/tree.ts";
import { fileMask } from "../../host/files/umask.ts";
import { showPath } from "../names.ts";
import { readBlobs } from "./blobs.ts";
import type { Change } from "./changes.ts";
import { presentAt } from "./host-file.ts";
import type { HostRepository } from "./host-repository.ts";
import {
  type Before,
  type Entry,
  type Journal,
  journalFolder,
  lockOf,
  newJournal,
  readJournal,
  writeJournal,
} from "./journal.ts";
import { restore, writeFile } from "./restore.ts";
import type { ObjectFormat } from "./sent.ts";

/** of one old file that is kept, in bytes */
const largestSaved = 512 * 1024 ** 2;

type Apply = { host: HostRepository; changes: readonly Change[]; vm: string /** `paths.applied` */; applied: string };

/**
 * @param changes judged `ready`, or to be overwritten
 * @throws WORKSPACE_UNDO when an apply before it was interrupted, WORKSPACE_CONFLICT when a file changed meanwhile, DISK_FULL
 */
export async function applyChanges({ host, changes, vm, applied }: Apply): Promise<void> {
  const { open, sent } = host;
  await ensureFolder(applied);
  const folder = journalFolder(applied, sent.root);
  const lock = lockOf(folder, sent.root);
  try {
    const pending = await readJournal(folder);
    if (pending !== null && !pending.isDone) throw interrupted(sent.root);
    const root = byteTextOf(sent.root);
    const draft = await newJournal(folder);
    const journal = draftJournal(root, { ...sent, vm }, changes);
    for (const [i, entry] of journal.entries.entries()) await save(root, draft.saved, entry, String(i));
    await draft.place(journal);
    try {
      await write(root, open, changes, journal);
    } catch (error) {
      await restore(folder, journal);
      await removeTree(folder);
      throw error;
    }
    await writeJournal(folder, { ...journal, isDone: true });
  } finally {
    lock.release();
  }
}

function interrupted(root: string): Error {
  return fail("WORKSPACE_UNDO", {
    path: root,
    problem: "an earlier pull was interrupted while it wrote files there",
    next: "take that back first, with `banger vm workspace undo`",
  });
}

function draftJournal(
  root: string,
  { root: shown, vm, format }: { root: string; vm: string; format: ObjectFormat },
  changes: readonly Change[],
): Journal {
  const entries = changes.map(({ path, to }): Entry => ({ path, before: beforeOf(root, path, format), after: to }));
  const written = changes.filter(({ to }) => to !== null).map(({ path }) => path);
  const removed = changes.filter(({ to }) => to === null).map(({ path }) => path);
  const folders = (paths: readonly string[]) => [...new Set(paths.flatMap(parentsOf))].sort();
  const needed = new Set(folders(written));
  const madeFolders = [...needed].filter((path) => lookAt(`${root}/${path}`)?.kind !== "folder");
  const removedFolders = folders(removed)
    .filter((path) => !needed.has(path))
    .flatMap((path) => {
      const info = lookAt(`${root}/${path}`);
      return info?.kind === "folder" ? [{ path, bits: info.mode & 0o777 }] : [];
    });
  const mark = randomBytes(4).toString("hex");
  return { root: shown, vm, format, mark, isDone: false, entries, removedFolders, madeFolders };
}

function beforeOf(root: string, path: string, format: ObjectFormat): Before | null {
  const present = presentAt(root, path, format);
  const info = present === null || present === "other" ? null : lookAt(`${root}/${path}`);
  if (present === null || present === "other" || info === null) return null;
  const mtimeNs = String(info.mtimeNs);
  if (info.kind === "link") return { ...present, mtimeNs, target: linkBeneath(root, path) ?? "" };
  return { ...present, mtimeNs, bits: info.mode & 0o777 };
}

/** @throws WORKSPACE_CONFLICT */
async function save(root: string, saved: string, { path, before }: Entry, name: string): Promise<void> {
  if (before === null || before.target !== undefined) return;
  const data = readOld(root, path);
  if (data === null) throw changedMeanwhile(path);
  await writeNewFile(`${saved}/${name}`, data);
  before.saved = name;
}

function readOld(root: string, path: string): Uint8Array | null {
  try {
    return readBeneath(root, path, largestSaved);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    const problem = `your ${showPath(path)} is too large to be kept for an undo`;
    throw fail("WORKSPACE_PULL", { problem, next: "leave it out with --review" }, error);
  }
}

function changedMeanwhile(path: string): Error {
  const files = [`${showPath(path)} changed while it was looked at`];
  return fail("WORKSPACE_CONFLICT", { count: "1 file", files, next: "run the command again" });
}

async function write(
  root: string,
  open: HostRepository["open"],
  changes: readonly Change[],
  journal: Journal,
): Promise<void> {
  const writer = new FolderWriter(root, journal.mark);
  try {
    removeOld(writer, journal);
    await writeNew(writer, open, changes, journal);
    finishFolders(writer, journal);
  } finally {
    writer.close();
  }
}

function removeOld(writer: FolderWriter, { entries, removedFolders }: Journal): void {
  for (const { path, before, after } of entries) if (before !== null && after === null) writer.remove(path);
  for (const { path } of removedFolders.toReversed()) writer.removeEmptyFolder(path);
}

async function writeNew(
  writer: FolderWriter,
  open: HostRepository["open"],
  changes: readonly Change[],
  { entries }: Journal,
): Promise<void> {
  const wanted = new Map<string, { path: string; mode: string; before: Before | null }[]>();
  for (const [i, { path, to }] of changes.entries()) {
    if (to === null) continue;
    const list = wanted.get(to.oid) ?? [];
    list.push({ path, mode: to.mode, before: entries[i]?.before ?? null });
    wanted.set(to.oid, list);
  }
  const now = BigInt(Date.now()) * 1_000_000n;
  for await (const { oid, data } of readBlobs(open, [...wanted.keys()])) {
    for (const { path, mode, before } of wanted.get(oid) ?? []) {
      if (mode === "120000") writer.makeLink(path, Buffer.from(data).toString("latin1"), now);
      else writeFile(writer, path, data, bitsFor(mode, before), now);
    }
  }
}

/** The old file's own bits with git's executable bit; a new file's as git makes them. */
function bitsFor(mode: string, before: Before | null): number {
  const bits = before?.bits ?? 0o666 & ~fileMask();
  return mode === "100755" ? bits | ((bits & 0o444) >> 2) : bits & ~0o111;
}

function finishFolders(writer: FolderWriter, { madeFolders }: Journal): void {
  const now = BigInt(Date.now()) * 1_000_000n;
  for (const path of madeFolders.toReversed()) writer.finishFolder(path, 0o777 & ~fileMask(), now);
}

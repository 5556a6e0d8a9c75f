/**
 * Folders for one process's unfinished work, which no other process adopts: each is named after its process, so that the next process
 * recognises and removes what a killed one left. Nothing in them is made durable.
 */
import { randomBytes } from "node:crypto";
import { symlinkSync } from "node:fs";
import * as fs from "node:fs/promises";
import { isAlive, processRef } from "../process/children.ts";
import { removeTree } from "./remove-tree.ts";
import { bytesOf } from "./tree.ts";

/** Creates a new private folder below `parent`, and removes folders there of processes that have ended. */
export async function makeScratch(parent: string): Promise<string> {
  await fs.mkdir(parent, { recursive: true, mode: 0o700 });
  await removeStale(parent);
  const ticks = processRef(process.pid)?.startTicks ?? 0;
  const folder = `${parent}/${process.pid}-${ticks}-${randomBytes(5).toString("hex")}`;
  await fs.mkdir(folder, { mode: 0o700 });
  return folder;
}

/** Writes a file that is lost with its folder: no temporary name, no fsync. Creates parents. */
export async function writeScratch(path: string, data: string | Uint8Array): Promise<void> {
  await fs.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  await fs.writeFile(path, data, { mode: 0o600 });
}

/** A symbolic link. Synchronous, because there may be hundreds. @param target byte text (`tree.ts`) */
export function linkScratch(target: string, path: string): void {
  symlinkSync(bytesOf(target), path);
}

export async function makeScratchFolder(path: string): Promise<void> {
  await fs.mkdir(path, { recursive: true, mode: 0o700 });
}

/** Whether a folder with that name was made by `makeScratch`. */
export function isScratchName(name: string): boolean {
  return /^\d+-\d+-[0-9a-f]{10}$/.test(name);
}

async function removeStale(parent: string): Promise<void> {
  for (const name of await fs.readdir(parent)) {
    const [, pid, startTicks] = /^(\d+)-(\d+)-[0-9a-f]{10}$/.exec(name) ?? [];
    if (pid === undefined || startTicks === undefined) continue;
    if (isAlive({ pid: Number(pid), startTicks: Number(startTicks) })) continue;
    // a leftover that can't be removed is no reason to fail: the next process tries again
    await removeTree(`${parent}/${name}`).catch(() => {});
  }
}

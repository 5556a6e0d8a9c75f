/**
 * Folders for a process's own unfinished work that nobody adopts: named after the process, so that what a killed one
 * left is known as garbage and removed by the next. Nothing in them is made durable.
 */
import { randomBytes } from "node:crypto";
import { symlinkSync } from "node:fs";
import * as fs from "node:fs/promises";
import { isAlive, processRef } from "../process/children.ts";
import { removeTree } from "./remove-tree.ts";
import { bytesOf } from "./tree.ts";

/** A new private folder below `parent`; folders there of processes that are gone are removed. */
export async function makeScratch(parent: string): Promise<string> {
  await fs.mkdir(parent, { recursive: true, mode: 0o700 });
  await removeStale(parent);
  const ticks = processRef(process.pid)?.startTicks ?? 0;
  const folder = `${parent}/${process.pid}-${ticks}-${randomBytes(5).toString("hex")}`;
  await fs.mkdir(folder, { mode: 0o700 });
  return folder;
}

/** Writes a file that is lost with its folder: no temp name, no fsync. Parents are made. */
export async function writeScratch(path: string, data: string | Uint8Array): Promise<void> {
  await fs.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true, mode: 0o700 });
  await fs.writeFile(path, data, { mode: 0o600 });
}

/** A symbolic link. Synchronous, as they come by the hundred. @param target byte text (`tree.ts`) */
export function linkScratch(target: string, path: string): void {
  symlinkSync(bytesOf(target), path);
}

export async function makeScratchFolder(path: string): Promise<void> {
  await fs.mkdir(path, { recursive: true, mode: 0o700 });
}

/** Whether a folder of that name is one of `makeScratch`. */
export function isScratchName(name: string): boolean {
  return /^\d+-\d+-[0-9a-f]{10}$/.test(name);
}

async function removeStale(parent: string): Promise<void> {
  for (const name of await fs.readdir(parent)) {
    const [, pid, startTicks] = /^(\d+)-(\d+)-[0-9a-f]{10}$/.exec(name) ?? [];
    if (pid === undefined || startTicks === undefined) continue;
    if (isAlive({ pid: Number(pid), startTicks: Number(startTicks) })) continue;
    // what stays is no reason not to begin: the next process tries again
    await removeTree(`${parent}/${name}`).catch(() => {});
  }
}

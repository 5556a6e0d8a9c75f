/** Creates a file that must not exist yet: of several processes exactly one succeeds, and none sees an incomplete file. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a temporary file, syncs it, links it to the final name and syncs the folder. False when the name is already taken. */
export async function writeNew(path: string, data: string | Uint8Array, mode = 0o600): Promise<boolean> {
  const temp = `${path}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeDurable(temp, data, mode);
    await fs.link(temp, path);
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code === "EEXIST") return false;
    throw error;
  } finally {
    await fs.rm(temp, { force: true });
  }
}

/** An empty file of mode 0600, not synced. @throws EEXIST */
export async function makeEmpty(path: string): Promise<void> {
  const file = await fs.open(path, "wx", 0o600);
  await file.close();
}

async function writeDurable(path: string, data: string | Uint8Array, mode: number): Promise<void> {
  const file = await fs.open(path, "wx", mode);
  try {
    await file.writeFile(data);
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Removes all permissions of group and others. */
export async function makePrivate(path: string): Promise<void> {
  await fs.chmod(path, 0o600);
}

async function syncFolder(path: string): Promise<void> {
  const folder = await fs.open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

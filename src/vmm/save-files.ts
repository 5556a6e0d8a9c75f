/** The files of a save: checked before loading, synced when they must survive a crash of the host. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { fail } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { changeStamp, exists, readBytes, sizeOf, syncPath } from "../host/files/files.ts";
import type { Save, SaveFiles, SaveRecord } from "./driver.ts";
import { shapeOf } from "./shape.ts";

/** The VMM that makes or loads a save. */
export type Saver = Pick<SaveRecord, "driver" | "version" | "accel">;

/** Far more than real device state: 90 KB for a VM with two CPUs. */
export const maxStateBytes = 64 * 1024 * 1024;

/**
 * All checks that are possible without loading. Of memory only the size is checked: reading it would take longer than a boot.
 * @returns the device state
 * @throws SAVE_VERSION, SAVE_DAMAGED, SAVE_OTHER_DEVICES
 */
export async function checkSave(save: Save, spec: Parameters<typeof shapeOf>[0], present: Saver): Promise<Uint8Array> {
  const { record, files } = save;
  if (saverName(record) !== saverName(present))
    throw fail("SAVE_VERSION", { saved: saverName(record), present: saverName(present) });
  const shape = shapeOf(spec);
  if (record.shape !== shape) throw fail("SAVE_OTHER_DEVICES", { saved: record.shape, present: shape });
  await checkSize(files.memory, record.memoryBytes);
  await checkSize(files.state, Math.min(record.stateBytes, maxStateBytes));
  const state = await readBytes(files.state, maxStateBytes);
  if (digestOf(state) !== record.stateDigest) throw damaged(files.state, "does not match its digest");
  return state;
}

export function saverName({ driver, version, accel }: Saver): string {
  return `${driver} ${version} (${accel})`;
}

async function checkSize(path: string, bytes: number): Promise<void> {
  if (!(await exists(path))) throw damaged(path, "is missing");
  const size = await sizeOf(path);
  if (size !== bytes) throw damaged(path, `has ${size} bytes instead of ${bytes}`);
}

/**
 * Whether the memory file was neither written to nor replaced since the save. A copy or a renamed file is not; renaming a parent
 * folder is harmless. This protects saves that many VMs start from: QEMU before 8.2 needs write access to the file, so a VMM
 * that its guest has taken over could plant something there for all later VMs.
 */
export async function isUntouched({ record, files }: Save): Promise<boolean> {
  return (await exists(files.memory)) && (await changeStamp(files.memory)) === record.memoryStamp;
}

function damaged(path: string, problem: string) {
  return fail("SAVE_DAMAGED", { path, problem });
}

export function digestOf(state: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(state).digest("hex")}` as Digest;
}

/** Syncs a save, so that it survives a crash of the host. Takes as long as the disk needs to write the memory. */
export async function makeDurable(files: SaveFiles): Promise<void> {
  await Promise.all([syncPath(files.memory), syncPath(files.state)]);
  await Promise.all([...new Set([dirname(files.memory), dirname(files.state)])].map(syncPath));
}

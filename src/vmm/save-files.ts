/** A saved VM's files: checked before they are loaded, and synced when they shall outlive the host. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { fail } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { changeStamp, exists, readBytes, sizeOf, syncPath } from "../host/files/files.ts";
import type { Save, SaveFiles, SaveRecord } from "./driver.ts";
import { shapeOf } from "./shape.ts";

/** Who would load a save, or made it. */
export type Saver = Pick<SaveRecord, "driver" | "version" | "accel">;

/** A driver's device state is far smaller: 90 KB for a VM of two CPUs. */
export const maxStateBytes = 64 * 1024 * 1024;

/**
 * All that can be told without loading it. Memory is held to its size alone: reading it would take longer than a boot.
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
  if (digestOf(state) !== record.stateDigest) throw damaged(files.state, "is not what was saved");
  return state;
}

export function saverName({ driver, version, accel }: Saver): string {
  return `${driver} ${version} (${accel})`;
}

async function checkSize(path: string, bytes: number): Promise<void> {
  if (!(await exists(path))) throw damaged(path, "is missing");
  const size = await sizeOf(path);
  if (size !== bytes) throw damaged(path, `has ${size} bytes in place of ${bytes}`);
}

/**
 * Whether the memory file is the one that was saved, never written to since. A copy or a renamed file isn't; a folder above it may
 * be renamed. For saves that many VMs come from: a VMM may have to be given write access to it (QEMU before 8.2), and one
 * that was taken over by its guest could leave something there for all that come later.
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

/** Before this resolves a save outlives the daemon, but not a crash of the host. Takes as long as the disk does for its memory. */
export async function makeDurable(files: SaveFiles): Promise<void> {
  await Promise.all([syncPath(files.memory), syncPath(files.state)]);
  await Promise.all([...new Set([dirname(files.memory), dirname(files.state)])].map(syncPath));
}

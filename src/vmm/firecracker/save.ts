/**
 * Saves a paused VM. Firecracker writes both files itself, in the VM's folder, as its cage admits no other place; then they are moved
 * to where they belong.
 */
import { fail, isError } from "../../base/errors/error.ts";
import { moveFile, readBytes, removeTrees, sizeOf } from "../../host/files/files.ts";
import { digHoles } from "../../host/files/holes.ts";
import { makeEmpty } from "../../host/files/new-file.ts";
import { makeHoles } from "../../host/files/sparse-file.ts";
import { raiseFileSizeLimit } from "../../host/process/limits.ts";
import type { FirecrackerApi } from "../../wire/firecracker/client.ts";
import { requests } from "../../wire/firecracker/requests.ts";
import type { SaveFiles } from "../driver.ts";
import { maxStateBytes } from "../save-files.ts";
import { type FirecrackerPaths, names } from "./paths.ts";
import type { FirecrackerRecord } from "./record.ts";

export type SaveJob = {
  api: FirecrackerApi;
  record: FirecrackerRecord;
  paths: FirecrackerPaths;
  files: SaveFiles;
  /** whether memory of this host's processes can be swapped out */
  hasSwap(): Promise<boolean>;
};

/** Writing the memory of the largest VM to a slow disk, with an fsync(2) that Firecracker does unasked. */
const saveMs = 30 * 60_000;

/**
 * When it failed, no file is left. An abort takes effect when Firecracker is done: it can't be told to stop, and answers nothing else
 * until then.
 * @returns the device state
 * @throws SAVE_FAILED, DISK_FULL, the signal's reason
 */
export async function saveFirecracker(job: SaveJob, signal: AbortSignal): Promise<Uint8Array> {
  const { paths, files, record } = job;
  const ours = [paths.savedMemory, paths.savedState];
  try {
    await removeTrees(ours);
    await write(job, signal);
    const state = await readBytes(paths.savedState, maxStateBytes);
    if ((await sizeOf(paths.savedMemory)) !== record.saving.memoryBytes)
      throw saveFailed("its memory file is incomplete");
    signal.throwIfAborted();
    await moveFile(paths.savedMemory, files.memory);
    await moveFile(paths.savedState, files.state);
    return state;
  } catch (error) {
    await removeTrees([...ours, files.memory, files.state]);
    throw failureOf(error, files.memory, signal);
  }
}

/**
 * `Diff` without tracking writes the pages that are in memory (mincore(2)): all that a booted VM has, and a sparse file, unless
 * some were swapped out. For a clone they would be those of the save's file that the host happens to cache.
 */
async function write(job: SaveJob, signal: AbortSignal): Promise<void> {
  const { record, paths, hasSwap } = job;
  raiseFileSizeLimit(record.process.pid, record.saving.memoryBytes);
  await Promise.all([makeHoles(paths.savedMemory, record.saving.memoryBytes), makeEmpty(paths.savedState)]);
  signal.throwIfAborted();
  if (!record.saving.isClone && !(await hasSwap())) {
    await create(job, "Diff");
    // swap that came meanwhile may have taken pages that were missed
    if (!(await hasSwap())) return;
  }
  signal.throwIfAborted();
  await create(job, "Full");
  await digHoles(paths.savedMemory);
}

async function create({ api }: SaveJob, type: "Full" | "Diff"): Promise<void> {
  await api.ask(requests.save({ type, state: names.savedState, memory: names.savedMemory }), saveMs);
}

function failureOf(error: unknown, path: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (!isError(error, "VMM_START_FAILED")) return error;
  const reason = String(error.details["reason"]);
  // EDQUOT, ENOSPC
  if (/\(os error (?:28|122)\)/.test(reason)) return fail("DISK_FULL", { path, during: "saving the VM" }, error);
  return saveFailed(reason, error);
}

export function saveFailed(reason: string, cause?: unknown): Error {
  return fail("SAVE_FAILED", { driver: "firecracker", reason }, cause);
}

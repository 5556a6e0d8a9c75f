/**
 * Saves a paused VM. Firecracker writes both files itself, in the VM's folder, as its cage admits no other place; then they are moved
 * to where they belong.
 */
import { fail, isError } from "../../base/errors/error.ts";
import { isDiskFull } from "../../host/errno.ts";
import { copySparse, moveFile, readBytes, removeTrees, sizeOf } from "../../host/files/files.ts";
import { digHoles } from "../../host/files/holes.ts";
import { makeEmpty } from "../../host/files/new-file.ts";
import { makeHoles } from "../../host/files/sparse-file.ts";
import { raiseFileSizeLimit } from "../../host/process/limits.ts";
import type { FirecrackerApi } from "../../wire/firecracker/client.ts";
import { requests } from "../../wire/firecracker/requests.ts";
import type { SaveFiles } from "../driver.ts";
import { maxStateBytes } from "../save-files.ts";
import type { DirtyBase } from "./dirty-base.ts";
import { type FirecrackerPaths, names } from "./paths.ts";
import type { FirecrackerRecord } from "./record.ts";

export type SaveJob = {
  api: FirecrackerApi;
  record: FirecrackerRecord;
  paths: FirecrackerPaths;
  files: SaveFiles;
  base: DirtyBase;
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
    await job.base.keep(files.memory);
    return state;
  } catch (error) {
    await removeTrees([...ours, files.memory, files.state]);
    throw failureOf(error, files.memory, signal);
  }
}

async function write(job: SaveJob, signal: AbortSignal): Promise<void> {
  const { record, paths } = job;
  raiseFileSizeLimit(record.process.pid, record.saving.memoryBytes);
  await makeEmpty(paths.savedState);
  await (record.saving.isClone ? writeClone(job, signal) : writeBooted(job, signal));
}

/**
 * `Diff` without tracking writes the pages that are in memory (mincore(2)): all that a booted VM has, and a sparse file, unless
 * some were swapped out. For a clone they would be those of the save's file that the host happens to cache.
 */
async function writeBooted(job: SaveJob, signal: AbortSignal): Promise<void> {
  const { record, paths, hasSwap } = job;
  await makeHoles(paths.savedMemory, record.saving.memoryBytes);
  signal.throwIfAborted();
  if (!(await hasSwap())) {
    await create(job, "Diff");
    // swap that came meanwhile may have taken pages that were missed
    if (!(await hasSwap())) return;
  }
  signal.throwIfAborted();
  await writeWhole(job);
}

/**
 * `Diff` with tracking writes the pages that KVM and the devices have marked dirty, swapped out or not, into a file of the right
 * size, and leaves its rest: so onto a copy of the memory that they are counted from.
 */
async function writeClone(job: SaveJob, signal: AbortSignal): Promise<void> {
  const { base, record, paths } = job;
  const from = await base.find();
  const hasBase = from !== null && (await copied(from, paths.savedMemory));
  if (!hasBase) await makeHoles(paths.savedMemory, record.saving.memoryBytes);
  signal.throwIfAborted();
  await base.drop();
  await (hasBase ? create(job, "Diff") : writeWhole(job));
}

/** False when `from` can't be read: its Firecracker may have ended. @throws ENOSPC */
async function copied(from: string, to: string): Promise<boolean> {
  try {
    await copySparse(from, to);
    return true;
  } catch (error) {
    if (isDiskFull(error)) throw error;
    return false;
  }
}

async function writeWhole(job: SaveJob): Promise<void> {
  await create(job, "Full");
  await digHoles(job.paths.savedMemory);
}

async function create({ api }: SaveJob, type: "Full" | "Diff"): Promise<void> {
  await api.ask(requests.save({ type, state: names.savedState, memory: names.savedMemory }), saveMs);
}

function failureOf(error: unknown, path: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (isDiskFull(error)) return fail("DISK_FULL", { path, during: "saving the VM" }, error);
  if (!isError(error, "VMM_START_FAILED")) return error;
  const reason = String(error.details["reason"]);
  // EDQUOT, ENOSPC
  if (/\(os error (?:28|122)\)/.test(reason)) return fail("DISK_FULL", { path, during: "saving the VM" }, error);
  return saveFailed(reason, error);
}

export function saveFailed(reason: string, cause?: unknown): Error {
  return fail("SAVE_FAILED", { driver: "firecracker", reason }, cause);
}

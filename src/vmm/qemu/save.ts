/**
 * Saves a VM: QEMU sends us its migration stream, which we write as the save's two files. A running VM is paused only when all
 * of its memory was sent once; then the pages that it has changed are sent again.
 */
import { orAborted, withTimeout } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail, isError } from "../../base/errors/error.ts";
import { integerOf, recordOf } from "../../base/untrusted-json.ts";
import { isDiskFull } from "../../host/files/files.ts";
import { makeSparseFile, type SparseFile } from "../../host/files/sparse-file.ts";
import type { Qmp } from "../../wire/qmp/client.ts";
import { MigrationStreamError } from "../../wire/qmp/migration-stream.ts";
import type { SaveFiles } from "../driver.ts";
import {
  beginMigration,
  type MigrationEnd,
  migrationEnd,
  migrationProblem,
  prepareMigration,
  saveFailed,
  withMigrationStream,
} from "./migration.ts";
import type { Saving } from "./record.ts";
import { split } from "./save-stream.ts";

export type SaveJob = {
  qmp: Qmp;
  saving: Saving;
  files: SaveFiles;
};

/** from the abort of a save until QEMU reports that it has stopped sending */
const cancelTimeoutMs = 30_000;

/**
 * The VM is paused afterwards; when it failed, no file is left.
 * @returns the device state
 * @throws SAVE_FAILED, DISK_FULL, the signal's reason
 */
export async function saveQemu(job: SaveJob, signal: AbortSignal): Promise<Uint8Array> {
  const { saving, files } = job;
  if (saving.memoryFile !== null && saving.memoryFile !== files.memory)
    throw new Error(`a VM whose memory is ${saving.memoryFile} is saved in place`);
  const made: SparseFile[] = [];
  const make = async (path: string, bytes: number) => {
    const file = await makeSparseFile(path, bytes);
    made.push(file);
    return file;
  };
  try {
    signal.throwIfAborted();
    // memory in its file is not copied, so it must not change while device state is saved
    if (saving.memoryFile === null) await rerunIfSaved(job.qmp);
    else await job.qmp.execute("stop");
    await prepareMigration(job.qmp);
    const memory = saving.memoryFile === null ? await make(files.memory, saving.memoryBytes) : null;
    const state = await transfer(job, memory, signal);
    const stateFile = await make(files.state, state.length);
    await stateFile.writeAt(0, state);
    await memory?.finish();
    await stateFile.finish();
    return state;
  } catch (error) {
    await Promise.all([...made.map((file) => file.abort()), job.qmp.execute("stop").catch(() => {})]);
    throw failureOf(error, files.memory, signal);
  }
}

/** QEMU can't send a VM twice without running it: one that was saved and not resumed runs for an instant. */
async function rerunIfSaved(qmp: Qmp): Promise<void> {
  const answer = recordOf(await qmp.execute("query-status"));
  if (answer?.["status"] === "postmigrate") await Promise.all([qmp.execute("cont"), qmp.execute("stop")]);
}

async function transfer(job: SaveJob, memory: SparseFile | null, signal: AbortSignal): Promise<Uint8Array> {
  const { qmp, saving } = job;
  const plan = { memoryBytes: saving.memoryBytes, hasPages: memory !== null };
  const writeAt = memory?.writeAt ?? (() => Promise.reject(new Error("no pages were expected")));
  return withMigrationStream(qmp, async (stream) => {
    const state = split(stream, plan, writeAt);
    state.catch(() => {});
    const ended = migrationEnd(qmp);
    pauseAfterFirstPass(qmp);
    await beginMigration(qmp, "migrate");
    return await received({ qmp, stream, state, ended }, signal);
  });
}

/** QEMU 7.2 pauses by itself; later versions continue for as long as the guest changes pages. */
function pauseAfterFirstPass(qmp: Qmp): void {
  const second = qmp.event("MIGRATION_PASS", ({ pass }) => integerOf(pass, 2, Number.MAX_SAFE_INTEGER) !== null);
  second.then(() => qmp.execute("stop")).catch(() => {});
}

type Sending = { qmp: Qmp; stream: ByteStream; state: Promise<Uint8Array>; ended: Promise<MigrationEnd> };

async function received({ qmp, stream, state, ended }: Sending, signal: AbortSignal): Promise<Uint8Array> {
  const completed = ended.then((status) => {
    if (status !== "completed") throw new MigrationStreamError(`it ${status}`);
  });
  try {
    const [whole] = await orAborted(Promise.all([state, completed]), signal);
    return whole;
  } catch (error) {
    stream.destroy();
    // it may have ended meanwhile: then there is nothing to cancel
    await qmp.execute("migrate_cancel").catch(() => {});
    // only then can the VM be resumed or saved again
    const status = await withTimeout(ended, cancelTimeoutMs, () => saveFailed("QEMU does not stop sending"));
    if (!(error instanceof MigrationStreamError) || status !== "failed") throw error;
    throw new MigrationStreamError(`${error.message}; ${await migrationProblem(qmp)}`);
  }
}

function failureOf(error: unknown, path: string, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  if (isDiskFull(error)) return fail("DISK_FULL", { path, during: "saving the VM" }, error);
  if (error instanceof MigrationStreamError) return saveFailed(`its stream: ${error.message}`, error);
  if (isError(error, "VMM_START_FAILED")) return saveFailed(String(error.details["reason"]), error);
  return error;
}

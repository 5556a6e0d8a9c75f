/**
 * A saved VM's memory belongs to one state of its disk: with another one its kernel would overwrite it with stale data. A
 * snapshot's disk and memory must be untouched; the mode and owner of a suspended VM's own files may have changed.
 */
import { fail } from "../../base/errors/error.ts";
import type { SavedState } from "../../model/saved-state.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { StartContext } from "./context.ts";

type Deps = Pick<StartContext, "files" | "paths">;
export type StampedState = SavedState & {
  diskStamp?: string | null;
  memoryContentStamp?: string | null;
  /** of the copy of a suspended VM's disk; null: its file system can't share blocks */
  keptDiskStamp?: string | null;
  /** a wake has begun: the guest may have written to its disk */
  wakeBegan?: boolean;
};

/** @param disk the snapshot's own, finished copy */
export async function stampSnapshot({ files }: Deps, save: SavedState, disk: string): Promise<StampedState> {
  const [diskStamp = null] = await files.changeStamps([disk]);
  return { ...save, diskStamp };
}

/** What is wrong with a snapshot's disk, as the end of a sentence; null: nothing, or it is of an older banger. */
export async function snapshotDiskProblem({ files }: Deps, save: SavedState, disk: string): Promise<string | null> {
  const [present = null] = await files.changeStamps([disk]);
  return problemOf((save as StampedState).diskStamp, present);
}

export async function stampSuspended({ files, paths }: Deps, vm: VmRecord, save: SavedState): Promise<StampedState> {
  const { disk, memory, kept } = filesOf(paths, vm);
  const stamps = await files.contentStamps([disk, memory, kept]);
  const [diskStamp = null, memoryContentStamp = null, keptDiskStamp = null] = stamps;
  return { ...save, diskStamp, memoryContentStamp, keptDiskStamp };
}

/** @throws SAVE_DAMAGED naming the file that was written to since the VM was suspended */
export async function requireSuspendedFiles({ files, paths }: Deps, vm: VmRecord): Promise<void> {
  const { diskStamp, memoryContentStamp, keptDiskStamp } = (vm.suspended?.save ?? {}) as Partial<StampedState>;
  const { disk, memory } = filesOf(paths, vm);
  const [presentDisk = null, presentMemory = null] = await files.contentStamps([disk, memory]);
  const isPutBack = keptDiskStamp && keptDiskStamp === presentDisk;
  const diskProblem = isPutBack ? null : problemOf(diskStamp, presentDisk);
  if (diskProblem !== null) throw fail("SAVE_DAMAGED", { path: disk, problem: diskProblem });
  const problem = problemOf(memoryContentStamp, presentMemory);
  if (problem !== null) throw fail("SAVE_DAMAGED", { path: memory, problem });
}

/** `kept`: a copy of the disk */
export function filesOf(paths: Deps["paths"], { id }: VmRecord) {
  const { memory, disk: kept } = paths.suspended(id);
  return { disk: paths.vm(id).disk, memory, kept };
}

function problemOf(saved: string | null | undefined, present: string | null): string | null {
  if (saved === undefined || saved === present) return null;
  return present === null ? "is missing" : "was written to since it was saved";
}

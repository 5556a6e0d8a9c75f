/**
 * A saved VM's memory belongs to one state of its disk: with another one its kernel would overwrite it with stale data. A
 * snapshot's disk and memory must be untouched; the mode and owner of a suspended VM's own files may have changed.
 */
import { fail } from "../../base/errors/error.ts";
import type { SavedState } from "../../model/saved-state.ts";
import type { VmRecord } from "../../model/vm.ts";
import type { StartContext } from "./context.ts";

type Deps = Pick<StartContext, "files" | "paths">;
type StampedState = SavedState & { diskStamp?: string | null; memoryContentStamp?: string | null };

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
  const [diskStamp = null, memoryContentStamp = null] = await files.contentStamps(ownFiles(paths, vm));
  return { ...save, diskStamp, memoryContentStamp };
}

/** @throws SAVE_DAMAGED naming the file that was written to since the VM was suspended */
export async function requireSuspendedFiles({ files, paths }: Deps, vm: VmRecord): Promise<void> {
  const { diskStamp, memoryContentStamp } = (vm.suspended?.save ?? {}) as Partial<StampedState>;
  const all = ownFiles(paths, vm);
  const present = await files.contentStamps(all);
  [diskStamp, memoryContentStamp].forEach((saved, at) => {
    const problem = problemOf(saved, present[at] ?? null);
    if (problem !== null) throw fail("SAVE_DAMAGED", { path: all[at] as string, problem });
  });
}

function ownFiles(paths: Deps["paths"], { id }: VmRecord): string[] {
  return [paths.vm(id).disk, paths.suspended(id).memory];
}

function problemOf(saved: string | null | undefined, present: string | null): string | null {
  if (saved === undefined || saved === present) return null;
  return present === null ? "is missing" : "was written to since it was saved";
}

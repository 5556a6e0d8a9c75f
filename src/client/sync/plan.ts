/** What `file_sync` copies into a VM, read from this host before anything is made or changed. */
import { fail } from "../../base/errors/error.ts";
import { FolderReader } from "../../host/files/folder-reader.ts";
import { type FileSyncEntry, fileSyncLimits } from "../../model/file-sync.ts";
import type { PlanEntry, WorkspaceNote } from "../../workspace/types.ts";
import { gather } from "./gather.ts";
import { homeAt, locate, refused } from "./source.ts";

/** The files of one entry. Their paths are byte text below `base`. */
export type SyncPart = {
  /** the folder in the guest: the home of the VM's user, or root's */
  base: "home" | "root";
  /** where the entry goes, below `base` */
  name: string;
  entries: PlanEntry[];
};

export type SyncPlan = {
  parts: SyncPart[];
  /** what is left out, and why */
  notes: WorkspaceNote[];
  /** The files can't be read any more then. */
  close(): void;
};

/** @param home the user's @throws SYNC_MISSING, SYNC_REFUSED */
export function planSync(home: string, entries: readonly FileSyncEntry[]): SyncPlan {
  if (entries.length === 0) return { parts: [], notes: [], close() {} };
  const found = homeAt(home);
  const reader = new FolderReader(found.real);
  const plan: SyncPlan = { parts: [], notes: [], close: () => reader.close() };
  const left = { ...fileSyncLimits };
  try {
    for (const entry of entries) {
      const at = locate(found, entry.host);
      const target = targetOf(entry.guest);
      const files = at === null ? null : gather(reader, entry, at, target.name, left);
      if (files) plan.notes.push(...files.notes);
      if (files?.entries.length) plan.parts.push({ ...target, entries: files.entries });
      else if (entry.required && files?.notes.length) throw refused(entry.host, "nothing of it can be copied");
      else if (entry.required) throw fail("SYNC_MISSING", { path: entry.host });
      else if (!files?.notes.length)
        plan.notes.push({ level: "warn", text: `file_sync: ${entry.host} does not exist, and is not copied` });
    }
    return plan;
  } catch (error) {
    reader.close();
    throw error;
  }
}

function targetOf(guest: string): Pick<SyncPart, "base" | "name"> {
  if (guest.startsWith("~/")) return { base: "home", name: guest.slice(2) };
  return { base: "root", name: guest.slice("/root/".length) };
}

/** The output of `--dry-run`: the exact list of what would be sent, as plain data. */
import { showPath } from "./names.ts";
import type { RepositorySummary, WorkspaceNote, WorkspacePlan } from "./types.ts";

export type DryRunEntry = {
  path: string;
  kind: "file" | "folder" | "link";
  /** permission bits, octal: `0644` */
  mode: string;
  bytes: number;
  origin: string;
  /** the target of a link */
  target?: string;
};

export type DryRun = {
  root: string;
  guestPath: string;
  entries: DryRunEntry[];
  /** the number of files and links, and the bytes of files; without `.git` */
  totals: { files: number; bytes: number };
  /** the other branches whose history would be sent */
  repositories: RepositorySummary[];
  notes: WorkspaceNote[];
};

/** @throws WORKSPACE_GIT */
export async function dryRun(plan: WorkspacePlan): Promise<DryRun> {
  const sent = plan.entries.map((entry): DryRunEntry => {
    const { path, kind, mode, size, origin, target } = entry;
    const shown = { path: showPath(path), kind, mode: octal(mode), bytes: size, origin };
    return target === undefined ? shown : { ...shown, target: showPath(target) };
  });
  const checkedOut = (await plan.checkedOut()).map(({ path, mode, size }): DryRunEntry => {
    const kind = mode === "120000" ? "link" : "file";
    return { path: showPath(path), kind, mode: octal(Number.parseInt(mode, 8) & 0o777), bytes: size, origin: "commit" };
  });
  const bytes = checkedOut.reduce((sum, entry) => sum + entry.bytes, plan.totals.bytes);
  return {
    root: plan.root,
    guestPath: plan.guestPath,
    entries: [...sent, ...checkedOut],
    totals: { files: plan.totals.files + checkedOut.length, bytes },
    repositories: plan.repositories,
    notes: plan.notes,
  };
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** Carries out a pull: commits first, then what is not committed. */
import { fail } from "../../../base/errors/error.ts";
import { count } from "../../../base/text.ts";
import { showPath } from "../../../workspace/names.ts";
import { applyChanges } from "../../../workspace/pull/apply.ts";
import { importCommits, type RefChange } from "../../../workspace/pull/commits.ts";
import { patchOf } from "../../../workspace/pull/patch.ts";
import type { Judged } from "../../../workspace/pull/work.ts";
import type { CliContext } from "../../context.ts";
import type { EventSink } from "../../ui/events.ts";
import { noteWithoutBase, writePatch } from "./patch-out.ts";
import { kindOf, reasons } from "./show.ts";
import type { Work } from "./work.ts";

export type PullFlags = { branch?: string; patch?: string; overwrite?: boolean; noCommits?: boolean };

export type Pulled = {
  root: string;
  refs: { ref: string; old: string | null; oid: string }[];
  /** files that were written or removed here */
  applied: { path: string; change: "added" | "modified" | "deleted" }[];
};

/** Chooses among changes that could be applied. */
export type Choose = (changes: readonly Judged[]) => Promise<Judged[]>;

/** @throws WORKSPACE_CONFLICT after the commits came; then no file was touched */
export async function pullWork(
  context: CliContext,
  work: Work,
  flags: PullFlags,
  sink: EventSink,
  choose?: Choose,
): Promise<Pulled> {
  const { host, answer } = work.received;
  const { branch, noCommits = false } = flags;
  const refs = noCommits ? [] : await importCommits(host, answer, { vm: work.vm, branch });
  for (const change of refs) sink.emit({ kind: "note", level: "info", text: refText(change) });
  const applied = await takeChanges(context, work, flags, sink, choose);
  if (refs.length === 0 && work.changes.length === 0)
    sink.emit({ kind: "note", level: "info", text: `there is nothing new in ${work.vm}` });
  return {
    root: host.sent.root,
    refs: refs.map(({ name, old, oid }) => ({ ref: showPath(name), old, oid })),
    applied: applied.map((change) => ({ path: showPath(change.path), change: kindOf(change) })),
  };
}

function refText({ name, old, oid }: RefChange): string {
  return `${showPath(name)}: ${old === null ? "" : `${old.slice(0, 12)} → `}${oid.slice(0, 12)}`;
}

async function takeChanges(
  context: CliContext,
  work: Work,
  { patch: to, overwrite = false }: PullFlags,
  sink: EventSink,
  choose: Choose | undefined,
): Promise<Judged[]> {
  const { received, vm, changes } = work;
  const { host } = received;
  if (to === undefined && choose === undefined) refuseConflicts(work, overwrite);
  const usable = changes.filter((change) => isUsable(change, to !== undefined || overwrite));
  const chosen = choose === undefined ? usable : await choose(usable);
  if (to !== undefined) {
    const patch = await patchOf(host, chosen, true);
    noteWithoutBase(patch, sink);
    sink.done();
    await writePatch(context, patch, to);
    return [];
  }
  if (chosen.length === 0) return [];
  const { applied } = await context.pullHost();
  await applyChanges({ host, changes: chosen, vm, applied });
  const text = `applied ${count(chosen.length, "file")} to ${host.sent.root}; \`banger vm workspace undo\` there takes that back`;
  sink.emit({ kind: "note", level: "info", text });
  return chosen;
}

function isUsable({ verdict }: Judged, withConflicts: boolean): boolean {
  return verdict.kind === "ready" || (withConflicts && isFileInTheWay(verdict));
}

/** A folder or link in the way is never replaced. */
function isFileInTheWay(verdict: Judged["verdict"]): boolean {
  return verdict.kind === "conflict" && verdict.isFile;
}

function refuseConflicts({ changes, branches }: Work, overwrite: boolean): void {
  const refused = changes.filter(({ verdict }) => verdict.kind === "refused");
  const conflicts = changes.filter(
    ({ verdict }) => verdict.kind === "conflict" && !(overwrite && isFileInTheWay(verdict)),
  );
  const all = [...refused, ...conflicts];
  if (all.length === 0) return;
  const wanting = conflicts.find((change) => change.isOnCommits);
  const merge = branches[0];
  const next =
    refused.length > 0
      ? "take the others with --review, which leaves these out"
      : wanting && merge
        ? `merge the guest's commits first, as in \`git merge ${showPath(merge.ref)}\`, and pull again`
        : undefined;
  throw fail("WORKSPACE_CONFLICT", {
    count: count(all.length, "file"),
    files: reasons(all),
    ...(next === undefined ? {} : { next }),
  });
}

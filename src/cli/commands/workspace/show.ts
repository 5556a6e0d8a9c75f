/** Words for the work of a guest. Names in it are a stranger's. */
import { count } from "../../../base/text.ts";
import { showPath } from "../../../workspace/names.ts";
import type { Judged } from "../../../workspace/pull/work.ts";
import type { Work } from "./work.ts";

export function kindOf({ from, to }: Pick<Judged, "from" | "to">): "added" | "modified" | "deleted" {
  return from === null ? "added" : to === null ? "deleted" : "modified";
}

const letters = { added: "A", modified: "M", deleted: "D" };

/** `M src/a.ts`, with what stands against it. */
export function changeLine(change: Judged): string {
  const { verdict } = change;
  const words = { ready: "", same: "  (is so here already)", conflict: "  CONFLICT: ", refused: "  REFUSED: " }[
    verdict.kind
  ];
  const reason = "reason" in verdict ? verdict.reason : "";
  return `${letters[kindOf(change)]} ${showPath(change.path)}${words}${reason}`;
}

export function statusText(work: Work): string {
  const { host, submodules } = work.received;
  const { root, head } = host.sent;
  const lines = [`sent from ${root}${head === null ? ", without a commit" : ` at ${head.slice(0, 12)}`}`];
  lines.push(work.branches.length === 0 ? "no new commits" : "new commits:");
  for (const { ref, oid, commits } of work.branches)
    lines.push(`  ${showPath(ref)}  ${oid.slice(0, 12)}  ${count(commits, "commit")}`);
  lines.push(work.changes.length === 0 ? "no uncommitted changes" : "uncommitted changes:");
  for (const change of work.changes) lines.push(`  ${changeLine(change)}`);
  if (submodules.length > 0) lines.push(`files of ${count(submodules.length, "submodule")} are not looked at`);
  return lines.map((line) => `${line}\n`).join("");
}

export function statusJson({ received, branches, changes }: Work) {
  const { sent } = received.host;
  return {
    root: sent.root,
    head: sent.head,
    branches: branches.map(({ ref, oid, commits }) => ({ ref: showPath(ref), oid, commits })),
    changes: changes.map((change) => ({
      path: showPath(change.path),
      change: kindOf(change),
      state: change.verdict.kind,
      ...("reason" in change.verdict ? { reason: change.verdict.reason } : {}),
    })),
    submodules: received.submodules.map(showPath),
  };
}

/** files named in an error or a line */
const mostNamed = 10;

/** `PATH reason`, for an error's message. */
export function reasons(changes: readonly Judged[]): string[] {
  const named = changes.slice(0, mostNamed).map((change) => {
    const reason = "reason" in change.verdict ? ` ${change.verdict.reason}` : "";
    return `${showPath(change.path)}${reason}`;
  });
  const more = changes.length - named.length;
  return more > 0 ? [...named, `and ${count(more, "more file")}`] : named;
}

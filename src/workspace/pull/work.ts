/** A guest's work, checked and compared with the host's work tree: what `vm workspace` shows, writes and applies. */
import { parentsOf } from "../../base/parents.ts";
import { byteTextOf, lookAt } from "../../host/files/tree.ts";
import { readBlobs } from "./blobs.ts";
import { allChanges, type Change, judge, type Present, uncommitted, type Verdict } from "./changes.ts";
import { pulledRefs } from "./commits.ts";
import { hasOnly, presentAt } from "./host-file.ts";
import type { Received } from "./receive.ts";
import { unsafeLink, unsafePath } from "./safe-change.ts";

export type Judged = Change & { verdict: Verdict };

export type BranchWork = {
  /** the ref that a pull makes of it, byte text */
  ref: string;
  oid: string;
  /** commits that were not sent */
  commits: number;
};

/** Uncommitted changes, each with what would become of it. */
export async function judgedChanges(received: Received): Promise<Judged[]> {
  const { host, trees, submodules } = received;
  const changes = uncommitted(trees, submodules);
  const targets = await linkTargets(received, changes);
  const root = byteTextOf(host.sent.root);
  const removed = new Set(changes.filter(({ to }) => to === null).map(({ path }) => path));
  return changes.map((change) => {
    const { path, to } = change;
    const target = to?.mode === "120000" ? (targets.get(to.oid) ?? "") : null;
    const unsafe = unsafePath(path) ?? (target === null ? null : unsafeLink(path, target));
    const found = unsafe === null ? presentOrMadeRoom(root, path, host.sent.format, removed) : null;
    // a file that is deleted is none in the place of which there is something else
    const present = found === "other" && to === null ? null : found;
    return { ...change, verdict: judge(change, present, unsafe) };
  });
}

/** What is in the way and would be removed by the same apply counts as nothing. */
function presentOrMadeRoom(
  root: string,
  path: string,
  format: Received["host"]["sent"]["format"],
  removed: ReadonlySet<string>,
): Present {
  const present = presentAt(root, path, format);
  if (present !== "other") return present;
  if (parentsOf(path).some((parent) => removed.has(parent))) return null;
  return lookAt(`${root}/${path}`)?.kind === "folder" && hasOnly(root, path, removed) ? null : "other";
}

async function linkTargets({ host }: Received, changes: readonly Change[]): Promise<Map<string, string>> {
  const oids = changes.flatMap(({ to }) => (to?.mode === "120000" ? [to.oid] : []));
  const targets = new Map<string, string>();
  for await (const { oid, data } of readBlobs(host.open, oids)) targets.set(oid, Buffer.from(data).toString("latin1"));
  return targets;
}

/** Everything since the files were sent. */
export function everyChange({ trees, submodules }: Received): Change[] {
  return allChanges(trees, submodules);
}

/** most branches whose commits are counted, one call of git each */
const mostCounted = 100;

/** The guest's branches that have commits which were not sent; a detached HEAD counts as one. */
export async function branchWork({ host, answer }: Received, vm: string): Promise<BranchWork[]> {
  const { git } = host.open;
  const sent = new Set(host.sent.tips);
  const news = [...pulledRefs(answer, vm)].filter(([, oid]) => !sent.has(oid));
  const work: BranchWork[] = [];
  for (const [ref, oid] of news.slice(0, mostCounted)) {
    const input = [oid, ...host.sent.tips.map((tip) => `^${tip}`)].map((line) => `${line}\n`).join("");
    const { stdout } = await git(["rev-list", "--count", "--ignore-missing", "--stdin"], { input });
    work.push({ ref, oid, commits: Number(Buffer.from(stdout).toString("latin1").trim()) });
  }
  return work;
}

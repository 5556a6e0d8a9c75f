/** Decides which commits are sent, and makes the pack of them. */
import { fail } from "../base/errors/error.ts";
import { makeScratchFolder, writeScratch } from "../host/files/scratch.ts";
import { byteTextOf, listNames, readBeneath, realPath } from "../host/files/tree.ts";
import { branchesBeside } from "./branches.ts";
import type { OpenRepository } from "./open-repository.ts";
import { isOid, isRefName } from "./refs.ts";

/** The guest's HEAD. */
export type Start = { /** full ref name, or null when detached */ ref: string | null; oid: string | null };

export type History = {
  start: Start;
  /** refs that are sent: the current branch, those beside it (`branches.ts`), tags in that history */
  refs: Map<string, string>;
  symbolic: Map<string, string>;
  /** commits whose parents are not sent */
  shallow: string[];
  /** what the pack must contain */
  tips: string[];
  withIndex: boolean;
};

export type HistoryWish = {
  /** commits down from each tip; all when undefined */
  depth: number | undefined;
  /** the host's index is sent, and so are the objects that it needs and its branch */
  withIndex: boolean;
  /** branches that the user named; null for a submodule */
  branches: readonly string[] | null;
};

/** Decides the history for `start`. @throws WORKSPACE_GIT, WORKSPACE_INCOMPLETE, WORKSPACE_REF */
export async function planHistory(open: OpenRepository, start: Start, wish: HistoryWish): Promise<History> {
  const { depth, withIndex } = wish;
  const { head } = open.refs;
  const refs = new Map<string, string>();
  if (withIndex && head.ref !== null && head.oid !== null) refs.set(head.ref, head.oid);
  if (start.ref !== null && start.oid !== null) refs.set(start.ref, start.oid);
  const beside = branchesBeside(open, start.ref ?? open.refs.head.ref, wish.branches);
  for (const [name, oid] of beside.refs) refs.set(name, oid);
  const merging = withIndex ? headsUnderWay(open) : [];
  const tips = [...new Set([start.oid, ...beside.refs.values(), ...merging].filter((oid) => oid != null))];
  const shallow = depth === undefined ? open.copied.shallow : await cutAt(open, tips, depth);
  if (depth !== undefined) await writeScratch(`${open.gitDir}/shallow`, shallow.map((oid) => `${oid}\n`).join(""));
  if (start.oid !== null) for (const [name, oid] of await tagsIn(open, start.oid)) refs.set(name, oid);
  return {
    start,
    refs,
    symbolic: beside.symbolic,
    shallow,
    withIndex,
    tips: [...new Set([...tips, ...refs.values()])],
  };
}

/**
 * Packs the history and what only the index names; false when there is nothing. Files are written below `folder`. Deltas and compressed
 * data of existing packs are reused; loose objects are packed fast rather than small. In a partial clone missing objects stay
 * missing (`pack-objects --revs` would fail on missing trees).
 */
export async function packHistory(open: OpenRepository, history: History, folder: string): Promise<boolean> {
  await makeScratchFolder(folder);
  const withIndex = history.withIndex && open.copied.index !== null;
  if (history.tips.length === 0 && !withIndex) return false;
  const revs = withIndex ? ["--indexed-objects"] : [];
  const tips = history.tips.map((oid) => `${oid}\n`).join("");
  const pack = ["pack-objects", "--quiet", "--delta-base-offset", "--window=0", "--compression=1"];
  if (open.settings.promisor === null) {
    await open.git([...pack, "--revs", ...revs, `${folder}/pack`], { input: tips });
  } else {
    const objects = ["rev-list", "--objects", "--missing=allow-any", ...revs, "--stdin"];
    await open.git([...pack, "--missing=allow-any", `${folder}/pack`], {
      input: (await open.git(objects, { input: tips })).stdout,
    });
  }
  return listNames(realPath(byteTextOf(folder))).some((name) => name.endsWith(".pack"));
}

/** Tags that point into the history of `oid`. */
async function tagsIn(open: OpenRepository, oid: string): Promise<[name: string, oid: string][]> {
  if (![...open.refs.all.keys()].some((name) => name.startsWith("refs/tags/"))) return [];
  const { stdout } = await open.git([
    "for-each-ref",
    `--merged=${oid}`,
    "--format=%(objectname) %(refname)",
    "refs/tags/",
  ]);
  const lines = Buffer.from(stdout).toString("latin1").split("\n");
  return lines.flatMap((line) => {
    const space = line.indexOf(" ");
    const [id, name] = [line.slice(0, space), line.slice(space + 1)];
    return isOid(id) && isRefName(name) ? [[name, id] as [string, string]] : [];
  });
}

/** Commits that a merge, cherry-pick or revert in progress refers to. */
function headsUnderWay(open: OpenRepository): string[] {
  return ["MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD"].flatMap((name) => {
    try {
      const bytes = readBeneath(open.repository.gitDir, name, 64 * 1024);
      return bytes === null ? [] : Buffer.from(bytes).toString("latin1").split("\n").filter(isOid);
    } catch (error) {
      if (error instanceof RangeError) return [];
      throw error;
    }
  });
}

/** Walks `depth` commits down from the tips; returns those at the end that have parents. */
async function cutAt(open: OpenRepository, tips: readonly string[], depth: number): Promise<string[]> {
  const known = new Set(open.copied.shallow);
  const seen = new Set<string>();
  const cut: string[] = [];
  let level = [...tips];
  for (let left = depth; level.length > 0; left--) {
    const parents = await parentsOfAll(open, level);
    const next = new Set<string>();
    for (const oid of level) {
      seen.add(oid);
      const above = parents.get(oid) ?? [];
      if (above.length > 0 && (left <= 1 || known.has(oid))) cut.push(oid);
      else for (const parent of above) next.add(parent);
    }
    level = left <= 1 ? [] : [...next].filter((oid) => !seen.has(oid));
  }
  return cut;
}

/** The parents that the commits themselves name. */
async function parentsOfAll(open: OpenRepository, oids: readonly string[]): Promise<Map<string, string[]>> {
  const { stdout } = await open.git(["cat-file", "--batch"], { input: oids.map((oid) => `${oid}\n`).join("") });
  const bytes = Buffer.from(stdout.buffer, stdout.byteOffset, stdout.byteLength);
  const parents = new Map<string, string[]>();
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf(10, at);
    const [oid = "", type, size = ""] = bytes.toString("latin1", at, lineEnd < 0 ? bytes.length : lineEnd).split(" ");
    if (type !== "commit") throw damaged(open, oid);
    const body = bytes.toString("latin1", lineEnd + 1, lineEnd + 1 + Number(size));
    const header = body.slice(0, Math.max(0, body.indexOf("\n\n")));
    parents.set(
      oid,
      [...header.matchAll(/^parent ([0-9a-f]{40,64})$/gm)].map((match) => match[1] ?? ""),
    );
    at = lineEnd + 1 + Number(size) + 1;
  }
  return parents;
}

function damaged(open: OpenRepository, oid: string) {
  const path = Buffer.from(open.repository.workTree, "latin1").toString("utf8");
  return fail("WORKSPACE_GIT", { path, problem: `${oid.slice(0, 64)} is not a commit in it` });
}

/** Branches that are sent beside the current one, so that the guest can compare with them. */
import { fail } from "../base/errors/error.ts";
import { byteTextOf } from "../host/files/tree.ts";
import type { OpenRepository } from "./open-repository.ts";
import { isRefName } from "./refs.ts";

/** Refs that are sent beside the current branch. */
export type Branches = {
  /** full ref name → object id */
  refs: Map<string, string>;
  /** `refs/remotes/origin/HEAD` → the branch that it points to */
  symbolic: Map<string, string>;
};

/**
 * The upstream of `ref`; also, except for a submodule, the default branches of its remote and of `origin`, and the branches that the
 * user named.
 * @param ref full name of the guest's branch, null when HEAD is detached there
 * @param named such as `main` or `origin/main`, from `vm run --with-branch`; null for a submodule
 * @throws WORKSPACE_REF
 */
export function branchesBeside(open: OpenRepository, ref: string | null, named: readonly string[] | null): Branches {
  const { all, symbolic } = open.refs;
  const heads = (named === null ? [] : remotesOf(open, ref)).map((remote) => `refs/remotes/${remote}/HEAD`);
  const names = [
    upstreamOf(open, ref),
    ...heads.map((head) => defaultOf(open, head)),
    ...(named ?? []).map((name) => find(open, name)),
  ];
  const refs = new Map<string, string>();
  for (const name of names) {
    const oid = name === null ? undefined : all.get(name);
    if (name !== null && oid !== undefined) refs.set(name, oid);
  }
  const present = heads.flatMap((head): [string, string][] => {
    const target = symbolic.get(head);
    return target !== undefined && refs.has(target) ? [[head, target]] : [];
  });
  return { refs, symbolic: new Map(present) };
}

/** The upstream of a branch: `refs/remotes/origin/main`, or another local branch, if that ref exists. */
function upstreamOf(open: OpenRepository, ref: string | null): string | null {
  if (ref === null || !ref.startsWith("refs/heads/")) return null;
  const branch = ref.slice("refs/heads/".length);
  const { local, effective } = open.settings;
  const remote = local.get(`branch.${branch}.remote`);
  const merge = local.get(`branch.${branch}.merge`);
  if (remote === undefined || !merge?.startsWith("refs/heads/")) return null;
  const name = remote === "." ? merge : tracking(effective.all(`remote.${remote}.fetch`), merge);
  return name !== null && isRefName(name) && open.refs.all.has(name) ? name : null;
}

/** The tracking ref of a remote's branch, by the refspecs of `fetch`. */
function tracking(fetch: readonly string[], merge: string): string | null {
  for (const spec of fetch) {
    const [from = "", to = ""] = spec.replace(/^\+/, "").split(":");
    if (from === merge && to !== "") return to;
    const [before = "", after, ...more] = from.split("*");
    if (after === undefined || more.length > 0 || !merge.startsWith(before) || !merge.endsWith(after)) continue;
    if (merge.length < before.length + after.length) continue;
    return to.replace("*", () => merge.slice(before.length, merge.length - after.length));
  }
  return null;
}

/** Remotes whose default branch is sent: the branch's own (often a fork), and `origin` or else the only remote. */
function remotesOf({ settings: { local } }: OpenRepository, ref: string | null): string[] {
  const own = ref?.startsWith("refs/heads/")
    ? local.get(`branch.${ref.slice("refs/heads/".length)}.remote`)
    : undefined;
  const known = local.subsections("remote");
  const wanted = new Set([own, "origin", known.length === 1 ? known[0] : undefined]);
  return known.filter((remote) => wanted.has(remote));
}

/** The target of a remote's `HEAD`; if `git remote set-head` never ran, a branch with one of the usual names. */
function defaultOf({ refs, settings }: OpenRepository, head: string): string | null {
  const target = refs.symbolic.get(head);
  if (target !== undefined && refs.all.has(target)) return target;
  const usual = [settings.effective.get("init.defaultbranch"), "main", "master"].map((name) =>
    head.replace(/HEAD$/, () => name ?? ""),
  );
  return usual.find((name) => refs.all.has(name)) ?? null;
}

/**
 * Looks names up in git's order (gitrevisions(7)), branches before tags: a remote's name means its default branch. A branch that only
 * remotes have is taken from `origin`, or from the one remote that has it, like `git checkout NAME`.
 */
function find(open: OpenRepository, name: string): string {
  const { all, symbolic } = open.refs;
  const text = byteTextOf(name);
  const full = [
    text,
    `refs/${text}`,
    `refs/heads/${text}`,
    `refs/remotes/${text}`,
    `refs/tags/${text}`,
    `refs/remotes/${text}/HEAD`,
  ];
  const remotes = open.settings.local.subsections("remote").map((remote) => `refs/remotes/${remote}/${text}`);
  const [only, ...more] = remotes.filter((each) => all.has(each));
  if (only !== undefined) full.push(more.length === 0 ? only : `refs/remotes/origin/${text}`);
  const found = full.find((each) => isRefName(each) && all.has(each));
  if (found !== undefined) return symbolic.get(found) ?? found;
  const path = Buffer.from(open.repository.workTree, "latin1").toString("utf8");
  throw fail("WORKSPACE_REF", { ref: name, path });
}

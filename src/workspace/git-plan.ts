/** The plan for a git repository. */
import { showBytes } from "../base/path-bytes.ts";
import { count } from "../base/text.ts";
import { lookAt, textOfBytes } from "../host/files/tree.ts";
import { Collector } from "./collect.ts";
import { usesFilters } from "./filters.ts";
import { guestConfig } from "./guest-config.ts";
import { guestGitEntries, packFolder } from "./guest-git.ts";
import { type History, packHistory, planHistory, type Start } from "./history.ts";
import { type CheckedOut, parseTree } from "./listing.ts";
import type { Located } from "./locate.ts";
import { baseName, isSafePath, showPath } from "./names.ts";
import { Notes } from "./notes.ts";
import { type OpenRepository, openRepository } from "./open-repository.ts";
import { SentFiles } from "./pull/sent.ts";
import { resolveStart } from "./start.ts";
import { planTooling } from "./tooling.ts";
import { type Listing, listRepository } from "./tracked.ts";
import {
  type AfterCommand,
  guestWorkspace,
  type PlanEntry,
  type SentWorkspace,
  type WorkspaceDeps,
  type WorkspacePlan,
  type WorkspaceRequest,
} from "./types.ts";

export type GitPlaces = {
  located: Extract<Located, { kind: "git" }>;
  /** one of banger's folders, empty */
  scratch: string;
  dispose: () => Promise<void>;
};

type Job = { open: OpenRepository; history: History };

export async function planRepository(
  deps: WorkspaceDeps,
  request: WorkspaceRequest,
  places: GitPlaces,
): Promise<WorkspacePlan> {
  const { repository, subfolder } = places.located;
  const notes = new Notes();
  const uncaged = deps.cage.missing();
  const stop = new AbortController();
  const signal = request.signal ? AbortSignal.any([stop.signal, request.signal]) : stop.signal;
  const user = { home: deps.home, env: deps.env ?? {} };
  const top = await openRepository(deps, repository, {
    path: "",
    guestGitDir: ".git",
    scratch: `${places.scratch}/0`,
    user,
    signal,
  });
  const reason = await uncaged;
  if (reason !== null) notes.add("warn", `git reads this repository unconfined: ${reason}`);
  const start = await resolveStart(top, request.branch, request.from);
  const collector = new Collector(repository.workTree, notes);
  const wish = { withUntracked: request.includeUntracked === true, user };
  const listing: Listing = { deps, scratch: places.scratch, signal, collector, notes, ...wish, repositories: [top] };
  if (request.from === undefined) await listRepository(listing, top);
  const jobs: Job[] = [];
  for (const open of listing.repositories) {
    const branches = open === top ? (request.branches ?? []) : null;
    const wish = { depth: request.depth, withIndex: request.from === undefined, branches };
    jobs.push({ open, history: await planHistory(open, open === top ? start : open.refs.head, wish) });
  }
  if (request.from !== undefined) await noteMissing(notes, top, start);
  addNotes(notes, { request, jobs, subfolder, entries: collector.entries });
  const guest = new GuestRepositories(jobs);
  const dispose = async () => {
    stop.abort(new Error("the workspace is not needed any more"));
    await guest.packingDone();
    await places.dispose();
  };
  return {
    kind: "git",
    root: Buffer.from(repository.workTree, "latin1").toString("utf8"),
    name: showPath(baseName(repository.workTree)),
    guestPath: guestWorkspace,
    guestCwd: subfolder === "" ? guestWorkspace : `${guestWorkspace}/${textOfBytes(subfolder)}`,
    entries: collector.entries,
    totals: collector.totals,
    repositories: jobs.map((job) => summary(job, request.depth ?? null)),
    notes: notes.list(),
    after: request.from === undefined ? [] : [checkout(start)],
    sent: sentBy(jobs, request.from === undefined),
    tooling: planTooling(repository.workTree, collector.entries),
    prepare: () => guest.ready(),
    git: () => guest.entries(),
    checkedOut: async () => (request.from === undefined || start.oid === null ? [] : listCommit(top, start.oid)),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

/** @param withFiles whether the files are sent, or checked out in the guest */
function sentBy(jobs: readonly Job[], withFiles: boolean): SentWorkspace | null {
  const [top, ...submodules] = jobs;
  if (top === undefined) return null;
  const { repository, settings } = top.open;
  const taken = new SentFiles(settings.sha256 ? "sha256" : "sha1");
  const head = top.history.start.oid;
  return {
    taken,
    sent: () => ({
      root: Buffer.from(repository.workTree, "latin1").toString("utf8"),
      format: taken.format,
      head,
      tips: top.history.tips,
      submodules: submodules.map(({ open }) => open.path),
      files: withFiles ? taken.files : null,
    }),
  };
}

/** The `.git` of every repository in the plan; packs once, one repository after the other. */
class GuestRepositories {
  readonly #jobs: readonly Job[];
  readonly #now = BigInt(Date.now()) * 1_000_000n;
  #packed: Promise<boolean>[] | null = null;

  constructor(jobs: readonly Job[]) {
    this.#jobs = jobs;
  }

  ready(): Promise<void> {
    const all = Promise.all(this.prepare()).then(() => {});
    all.catch(() => {});
    return all;
  }

  /** An error is thrown where the pack is needed. */
  prepare(): Promise<boolean>[] {
    if (this.#packed !== null) return this.#packed;
    let before: Promise<unknown> = Promise.resolve();
    this.#packed = this.#jobs.map(({ open, history }) => {
      const packed = before.then(() => packHistory(open, history, packFolder(open)));
      packed.catch(() => {});
      before = packed;
      return packed;
    });
    return this.#packed;
  }

  async *entries(): AsyncGenerator<PlanEntry, void, void> {
    const packs = this.prepare();
    for (const [i, { open, history }] of this.#jobs.entries()) {
      yield* guestGitEntries({ open, history, now: this.#now, packed: packs[i] ?? Promise.resolve(false) });
    }
  }

  /** Resolves when nothing writes into the scratch folder any more. */
  async packingDone(): Promise<void> {
    await Promise.allSettled(this.#packed ?? []);
  }
}

/** Files that the guest's own checkout creates, with their sizes. */
async function listCommit(open: OpenRepository, oid: string): Promise<CheckedOut[]> {
  const { stdout } = await open.git(["ls-tree", "-r", "-z", "--long", "--full-tree", oid]);
  return [...parseTree(stdout)].filter(({ path }) => isSafePath(path));
}

/** In a partial clone the guest's checkout would stop at an object that can't be fetched. */
async function noteMissing(notes: Notes, { git, settings }: OpenRepository, { oid }: Start): Promise<void> {
  if (settings.promisor === null || oid === null) return;
  const { stdout } = await git(["rev-list", "--objects", "--no-walk", "--missing=print", oid]);
  const missing = Buffer.from(stdout).toString("latin1").match(/^\?/gm)?.length ?? 0;
  if (missing === 0) return;
  const what = `${count(missing, "object")} of that commit`;
  notes.add(
    "warn",
    `${what} are not here: the guest has to fetch them from ${showPath(settings.promisor)} for its files`,
  );
}

function checkout(start: Start): AfterCommand {
  const argv = ["git", "reset", "--hard", "--quiet", start.oid ?? "HEAD"];
  return { argv, cwd: guestWorkspace, what: "check out the files in the guest" };
}

function summary({ open, history }: Job, depth: number | null) {
  const { ref, oid } = history.start;
  const branch = ref === null ? null : showPath(ref.replace(/^refs\/heads\//, ""));
  const others = [...history.refs.keys()].filter((name) => name !== ref && !name.startsWith("refs/tags/"));
  const branches = others.map((name) => showPath(name.replace(/^refs\/(?:heads|remotes)\//, "")));
  return { path: showPath(open.path), branch, head: oid, branches, depth };
}

type Planned = { request: WorkspaceRequest; jobs: readonly Job[]; subfolder: string; entries: readonly PlanEntry[] };

function addNotes(notes: Notes, { request, jobs, subfolder, entries }: Planned): void {
  if (subfolder !== "") {
    notes.add(
      "info",
      `${showBytes(request.folder)} is inside a repository: all of it is sent, and commands start in ${showPath(subfolder)}`,
    );
  }
  if (request.from !== undefined) {
    const oid = jobs[0]?.history.start.oid?.slice(0, 12);
    notes.add("warn", `the tree is that of ${request.from} (${oid}): uncommitted edits and submodules stay behind`);
  }
  for (const { open } of jobs) {
    const at = open.path === "" ? "" : ` in ${showPath(open.path)}`;
    const { stripped } = guestConfig({
      settings: open.settings,
      branches: [],
      worktree: null,
      attributesFile: null,
      excludesFile: null,
    });
    for (const remote of new Set(stripped)) {
      notes.add("info", `remote ${showPath(remote)}${at} is sent without its credentials`);
    }
    for (const problem of open.settings.problems)
      notes.add("warn", `the git configuration${at} is damaged, the rest of it is not used: ${showPath(problem)}`);
    for (const file of open.settings.outside)
      notes.add("info", `settings${at} come from ${showPath(file)} too, which the repository names`);
    if (open.copied.shallow.length > 0) notes.add("info", `the history${at} is shallow here, so it is in the guest`);
    for (const folder of open.missingAlternates)
      notes.add("warn", `objects${at} should come from ${showPath(folder)} too, which does not exist`);
    for (const folder of open.alternates)
      notes.add("warn", `objects${at} come from ${showPath(folder)} too: history from there may be sent`);
    const underWay = workUnderWay(open);
    if (underWay !== null)
      notes.add("info", `a ${underWay}${at} is in progress: the guest gets its commit and files, not the ${underWay}`);
    if (open.settings.promisor !== null) {
      notes.add(
        "warn",
        `a partial clone${at}: objects that are not here are not in the guest, which fetches them when it needs them`,
      );
    }
    if (usesFilters(open, entries)) {
      notes.add(
        "warn",
        `files${at} go through git filters (such as LFS), which the guest does not have: git status may show them as changed`,
      );
    }
  }
}

/** An operation whose state is in files that are not sent. */
function workUnderWay({ repository: { gitDir } }: OpenRepository): string | null {
  if (lookAt(`${gitDir}/rebase-merge`) ?? lookAt(`${gitDir}/rebase-apply`)) return "rebase";
  return lookAt(`${gitDir}/BISECT_LOG`) ? "bisect" : null;
}

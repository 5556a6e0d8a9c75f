/** Lists what is sent of a repository: tracked files, untracked ones if asked for, and its submodules, also when nested. */
import { BangerError, fail } from "../base/errors/error.ts";
import { readBeneath } from "../host/files/tree.ts";
import type { Collector } from "./collect.ts";
import type { UserPlaces } from "./config-files.ts";
import { excludeFiles } from "./excludes.ts";
import { parseGitConfig } from "./git-config.ts";
import { nulSeparated, parseStaged } from "./listing.ts";
import { repositoryAt } from "./locate.ts";
import { isSafePath, showPath, under } from "./names.ts";
import type { Notes } from "./notes.ts";
import { type OpenRepository, openRepository } from "./open-repository.ts";
import type { WorkspaceDeps } from "./types.ts";

export type Listing = {
  deps: WorkspaceDeps;
  /** banger's git directories are made here, named by their number */
  scratch: string;
  signal: AbortSignal;
  collector: Collector;
  notes: Notes;
  withUntracked: boolean;
  user: UserPlaces;
  /** every repository found so far, the workspace's own first; grows */
  repositories: OpenRepository[];
};

const maxSubmodules = 2000;
const maxNesting = 16;
/** git would block for ever on a fifo in the place of a rules file */
const untrackedTimeoutMs = 120_000;

/** Adds one repository's files to the collector, then those of its submodules. */
export async function listRepository(listing: Listing, open: OpenRepository, nesting = 0): Promise<void> {
  const submodules: string[] = [];
  let last = "";
  for (const entry of parseStaged((await open.git(["ls-files", "-z", "--stage"])).stdout)) {
    if (entry.path === last) continue;
    last = entry.path;
    const path = under(open.path, entry.path);
    if (!isSafePath(entry.path)) listing.notes.path("git does not allow its name, so not sent", path);
    else if (entry.mode === "160000") submodules.push(path);
    else listing.collector.add(path, "tracked");
  }
  if (listing.withUntracked) await listUntracked(listing, open);
  for (const path of submodules) await listSubmodule(listing, open, path, nesting + 1);
}

/** @throws WORKSPACE_GIT when git would stop: without all of its settings, ignored files could be sent */
async function listUntracked(listing: Listing, open: OpenRepository): Promise<void> {
  const { repository, settings } = open;
  const [problem] = settings.problems;
  if (problem !== undefined) {
    const path = Buffer.from(repository.workTree, "latin1").toString("utf8");
    throw fail("WORKSPACE_GIT", { path, problem: `which files are ignored is not known: ${showPath(problem)}` });
  }
  const rules = excludeFiles(open);
  const options = [
    "-z",
    "--others",
    "--exclude-per-directory=.gitignore",
    ...rules.map((file) => `--exclude-from=${file}`),
  ];
  const { stdout } = await open.git(["ls-files", ...options], {
    timeoutMs: untrackedTimeoutMs,
    inWorkTree: true,
    reads: rules,
  });
  for (const name of nulSeparated(stdout)) {
    const path = under(open.path, name);
    if (name.endsWith("/")) listing.notes.path("a repository of its own, not sent", path);
    else if (isSafePath(name)) listing.collector.add(path, "untracked");
  }
}

async function listSubmodule(listing: Listing, parent: OpenRepository, path: string, nesting: number): Promise<void> {
  const { notes, collector, repositories, deps } = listing;
  if (!collector.addFolder(path, "tracked")) return;
  if (repositories.length > maxSubmodules || nesting > maxNesting)
    return notes.path("one submodule too many, not sent", path);
  const root = repositories[0]?.repository.workTree ?? "";
  try {
    const repository = repositoryAt(`${root}/${path}`, showPath(path));
    if (repository === null) return;
    const places = {
      path,
      guestGitDir: moduleFolder(parent, path, repositories),
      scratch: `${listing.scratch}/${repositories.length}`,
      user: listing.user,
      signal: listing.signal,
    };
    const open = await openRepository(deps, repository, places);
    repositories.push(open);
    await listRepository(listing, open, nesting);
  } catch (error) {
    if (!(error instanceof BangerError) || !["WORKSPACE_REFUSED", "WORKSPACE_GIT"].includes(error.code)) throw error;
    notes.add(
      "warn",
      `submodule ${showPath(path)} is not sent: ${error.details["reason"] ?? error.details["problem"]}`,
    );
  }
}

/** `.git/modules/NAME` as in git, unless the (untrusted) name would collide with another submodule's folder. */
function moduleFolder(parent: OpenRepository, path: string, taken: readonly OpenRepository[]): string {
  const name = moduleName(parent, path.slice(parent.path === "" ? 0 : parent.path.length + 1));
  const folder = `${parent.guestGitDir}/modules/${name}`;
  const isAround = (dir: string) => `${parent.guestGitDir}/`.startsWith(`${dir}/`);
  const collides = taken.some(
    ({ guestGitDir: dir }) =>
      !isAround(dir) && (`${dir}/`.startsWith(`${folder}/`) || `${folder}/`.startsWith(`${dir}/`)),
  );
  return collides ? `.git/modules/banger-${taken.length}` : folder;
}

function moduleName(parent: OpenRepository, path: string): string {
  let text = "";
  try {
    const bytes = readBeneath(parent.repository.workTree, ".gitmodules", 1024 * 1024);
    text = bytes === null ? "" : Buffer.from(bytes).toString("latin1");
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  const config = parseGitConfig(text);
  const name = config.subsections("submodule").find((each) => config.get(`submodule.${each}.path`) === path);
  return name !== undefined && isSafePath(name) ? name : path;
}

/** Prepares one repository (the workspace's own, or a submodule) for reading: refs, settings, banger's git directory. */
import { fail } from "../base/errors/error.ts";
import { makeScratchFolder } from "../host/files/scratch.ts";
import { byteTextOf } from "../host/files/tree.ts";
import type { UserPlaces } from "./config-files.ts";
import { type Git, openGit } from "./git.ts";
import type { Repository } from "./locate.ts";
import { showPath } from "./names.ts";
import { checkObjects, type ObjectFolder } from "./objects.ts";
import { type Refs, readRefs } from "./refs.ts";
import { readSettings, type Settings } from "./settings.ts";
import { type Copied, makeSkeleton } from "./skeleton.ts";
import type { WorkspaceDeps } from "./types.ts";

export type OpenRepository = {
  repository: Repository;
  /** folder in the workspace, byte text; empty for the top */
  path: string;
  /** the place of its git directory in the guest's workspace: `.git`, `.git/modules/NAME` */
  guestGitDir: string;
  refs: Refs;
  settings: Settings;
  copied: Copied;
  git: Git;
  /** banger's git directory, a path on the host */
  gitDir: string;
  /** folders elsewhere that it also uses objects from, byte text */
  alternates: string[];
  /** such folders that are missing */
  missingAlternates: string[];
};

export type OpenPlaces = { path: string; guestGitDir: string; scratch: string; user: UserPlaces; signal: AbortSignal };

/** @throws WORKSPACE_GIT */
export async function openRepository(
  deps: WorkspaceDeps,
  repository: Repository,
  places: OpenPlaces,
): Promise<OpenRepository> {
  const { path, guestGitDir, scratch: gitDir, user, signal } = places;
  await makeScratchFolder(gitDir);
  const objects = objectsOf(repository);
  const refs = readRefs(repository);
  const settings = readSettings(repository, user, refs.head.ref);
  const copied = await makeSkeleton(gitDir, { repository, objects, refs, settings });
  const workTree = Buffer.from(repository.workTree, "latin1").toString("utf8");
  const shown = showPath(byteTextOf(workTree));
  const git = openGit(deps, { gitDir, workTree, objects: objects.map(({ path }) => nameable(path)), shown, signal });
  if (copied.split) await git(["update-index", "--no-split-index"]);
  const alternates = objects.slice(1).map((folder) => folder.path);
  const missingAlternates = objects.flatMap(({ missing }) => missing);
  return { missingAlternates, repository, path, guestGitDir, refs, settings, copied, git, gitDir, alternates };
}

/** `path`, byte text, or the nearest parent folder that can be a command line argument: one in UTF-8. */
function nameable(path: string): string {
  const text = Buffer.from(path, "latin1").toString("utf8");
  if (byteTextOf(text) === path) return text;
  return nameable(path.slice(0, path.lastIndexOf("/")) || "/");
}

function objectsOf(repository: Repository): ObjectFolder[] {
  try {
    return checkObjects(repository.objects);
  } catch (error) {
    const path = Buffer.from(repository.workTree, "latin1").toString("utf8");
    throw fail("WORKSPACE_REFUSED", { path, reason: (error as Error).message }, error);
  }
}

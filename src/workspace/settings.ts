/** The git configuration that applies to a repository, as far as banger uses it. */
import { fail } from "../base/errors/error.ts";
import { realPathIfAny } from "../host/files/tree.ts";
import { isWithin } from "./claims.ts";
import { placesOf, readAllConfig, type UserPlaces, xdgGit } from "./config-files.ts";
import { expandPath } from "./config-include.ts";
import type { ConfigEntry, ConfigPart, ConfigRead } from "./config-read.ts";
import { GitConfig, maxConfigBytes, parseGitConfig } from "./git-config.ts";
import { readGitFile } from "./git-file.ts";
import type { Repository } from "./locate.ts";

export type Settings = {
  /** the repository's own files; the only source of remotes, branches and submodules */
  local: GitConfig;
  /** everything as git reads it: the system's, the user's, the repository's, the environment's */
  effective: GitConfig;
  /** the same, with the file that each setting is from */
  entries: readonly ConfigEntry[];
  sha256: boolean;
  /** name of the remote that missing objects would be fetched from */
  promisor: string | null;
  /** files elsewhere that the repository's own configuration includes or uses for ignore rules; byte text */
  outside: string[];
  /** the file with the user's own ignore rules, links followed; null: none */
  excludes: string | null;
  /** the system's and the user's attributes files, links followed */
  attributes: string[];
  /** why git would stop */
  problems: string[];
};

/** @param head full name of the ref that HEAD points to */
export function readSettings(repository: Repository, user: UserPlaces, head: string | null): Settings {
  const parts = repositoryParts(repository);
  const read = readAllConfig(user, { repository, head, parts });
  const local = new GitConfig();
  const effective = new GitConfig();
  for (const entry of read.entries) {
    effective.add(entry.key, entry.value);
    if (isOwn(entry, repository)) local.add(entry.key, entry.value);
  }
  const excludes = excludesOf(read, user, repository);
  const attributes = attributesOf(read, user, repository);
  return {
    local,
    effective,
    entries: read.entries,
    sha256: local.get("extensions.objectformat")?.toLowerCase() === "sha256",
    promisor: promisorOf(local),
    outside: outsideOf(read, repository, excludes, attributes),
    excludes: excludes.file,
    attributes: attributes.files,
    problems: [...read.problems, ...excludes.problems],
  };
}

/** The repository's two files, which are never reached through a link. */
function repositoryParts(repository: Repository): ConfigPart[] {
  const { gitDir, commonDir } = repository;
  const text = localText(repository, commonDir, "config");
  const common: ConfigPart = { scope: "local", file: `${commonDir}/config`, text };
  // git looks this one up without includes
  if (parseGitConfig(text).bool("extensions.worktreeconfig") !== true) return [common];
  const own = localText(repository, gitDir, "config.worktree");
  return [common, { scope: "worktree", file: `${gitDir}/config.worktree`, text: own }];
}

function isOwn({ scope, file }: ConfigEntry, repository: Repository): boolean {
  return isOfRepository(scope) && file !== null && !isOutside(file, repository);
}

function isOfRepository(scope: string): boolean {
  return scope === "local" || scope === "worktree";
}

function isOutside(file: string, { workTree, gitDir, commonDir }: Repository): boolean {
  const path = realPathIfAny(file) ?? file;
  return ![workTree, gitDir, commonDir].some((folder) => isWithin(path, folder));
}

/** gitattributes(5): the system's, then `core.attributesFile` or its default. */
function attributesOf(read: ConfigRead, user: UserPlaces, { workTree }: Repository): Attributes {
  const named = read.entries.findLast(({ key }) => key === "core.attributesfile");
  const path = named === undefined ? `${xdgGit(user)}/attributes` : (expandPath(named.value, placesOf(user)) ?? "");
  const file = path === "" ? null : realPathIfAny(path.startsWith("/") ? path : `${workTree}/${path}`);
  const isOwn = named !== undefined && isOfRepository(named.scope);
  return {
    files: [realPathIfAny("/etc/gitattributes"), file].filter((each) => each !== null),
    own: isOwn ? file : null,
  };
}

type Attributes = { files: string[] /** the one that the repository's configuration names */; own: string | null };

type Excludes = {
  file:
    | string
    | null /** where it is is up to the repository: its configuration names it, or the name is one in its work tree */;
  isOwn: boolean;
  problems: string[];
};

/** `core.excludesFile`, relative to the work tree's top as in git, or the default; a link is followed. */
function excludesOf(read: ConfigRead, user: UserPlaces, repository: Repository): Excludes {
  const named = read.entries.findLast(({ key }) => key === "core.excludesfile");
  if (named === undefined) return { file: realPathIfAny(`${xdgGit(user)}/ignore`), isOwn: false, problems: [] };
  const path = expandPath(named.value, placesOf(user));
  const isOwn = isOfRepository(named.scope) || path?.startsWith("/") === false;
  if (path === null) return { file: null, isOwn, problems: [`failed to expand user dir in: '${named.value}'`] };
  if (path === "") return { file: null, isOwn, problems: [] };
  return { file: realPathIfAny(path.startsWith("/") ? path : `${repository.workTree}/${path}`), isOwn, problems: [] };
}

/** Files that an untrusted configuration leads to: git reads them too, but the user should know. */
function outsideOf(read: ConfigRead, repository: Repository, excludes: Excludes, attributes: Attributes): string[] {
  const files = read.included
    .filter(({ scope }) => isOfRepository(scope))
    .map(({ file }) => realPathIfAny(file) ?? file);
  if (attributes.own !== null) files.push(attributes.own);
  if (excludes.isOwn && excludes.file !== null) files.push(excludes.file);
  return [...new Set(files)].filter((file) => isOutside(file, repository));
}

function promisorOf(local: GitConfig): string | null {
  const named = local.get("extensions.partialclone");
  if (named !== undefined) return named;
  return local.subsections("remote").find((name) => local.bool(`remote.${name}.promisor`) === true) ?? null;
}

/** @throws WORKSPACE_GIT: without its configuration the repository would have another status */
function localText(repository: Repository, folder: string, name: string): string {
  try {
    const bytes = readGitFile(folder, name, maxConfigBytes);
    return bytes === null ? "" : Buffer.from(bytes).toString("latin1");
  } catch (error) {
    const path = Buffer.from(repository.workTree, "latin1").toString("utf8");
    throw fail("WORKSPACE_GIT", { path, problem: (error as Error).message }, error);
  }
}

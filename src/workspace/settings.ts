/** The repository's configuration as far as banger uses it, and the user's own where `git status` depends on it. */
import { fail } from "../base/errors/error.ts";
import { byteTextOf, readBeneath, realPath } from "../host/tree.ts";
import { type GitConfig, maxConfigBytes, parseGitConfig } from "./git-config.ts";
import { readGitFile } from "./git-file.ts";
import type { Repository } from "./locate.ts";

export type Settings = {
  /** the repository's own */
  local: GitConfig;
  /** the user's and the system's; trusted, read only for a few keys */
  user: GitConfig;
  sha256: boolean;
  /** name of the remote that missing objects would come from */
  promisor: string | null;
};

export function readSettings(repository: Repository, user: GitConfig): Settings {
  let text = localText(repository, repository.commonDir, "config");
  const common = parseGitConfig(text);
  if (common.bool("extensions.worktreeconfig") === true)
    text += `\n${localText(repository, repository.gitDir, "config.worktree")}`;
  const local = parseGitConfig(text);
  return {
    local,
    user,
    sha256: local.get("extensions.objectformat")?.toLowerCase() === "sha256",
    promisor: promisorOf(local),
  };
}

/** `/etc/gitconfig`, `$XDG_CONFIG_HOME/git/config` and `~/.gitconfig`, without their includes. */
export function readUserSettings(home: string, env: Record<string, string | undefined>): GitConfig {
  const xdg = env["XDG_CONFIG_HOME"]?.startsWith("/") ? env["XDG_CONFIG_HOME"] : `${home}/.config`;
  const files: [string, string][] = [
    ["/etc", "gitconfig"],
    [`${xdg}/git`, "config"],
    [home, ".gitconfig"],
  ];
  return parseGitConfig(files.map(([folder, name]) => userText(`${folder}/${name}`)).join("\n"));
}

/** The file with the user's own ignore rules; a link to it (dot files often are) is followed. */
export function userExcludes(user: GitConfig, home: string, env: Record<string, string | undefined>): string {
  const xdg = env["XDG_CONFIG_HOME"]?.startsWith("/") ? env["XDG_CONFIG_HOME"] : `${home}/.config`;
  const named = user.get("core.excludesfile");
  const path = named === undefined ? byteTextOf(`${xdg}/git/ignore`) : named.replace(/^~\//, `${byteTextOf(home)}/`);
  try {
    return realPath(path);
  } catch {
    return path;
  }
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

/** The user's own file, links followed. */
function userText(path: string): string {
  try {
    const real = realPath(byteTextOf(path));
    const cut = real.lastIndexOf("/");
    return textOf(real.slice(0, cut) || "/", real.slice(cut + 1));
  } catch {
    return "";
  }
}

function textOf(folder: string, name: string): string {
  try {
    const bytes = readBeneath(realPath(folder), name, maxConfigBytes);
    return bytes === null ? "" : Buffer.from(bytes).toString("latin1");
  } catch {
    return "";
  }
}

/** The files of git's configuration on this host, in git's order (git-config(1), "FILES"). */
import { byteTextOf, isReadable, lookAt, readBeneath, realPath, realPathIfAny } from "../host/files/tree.ts";
import { environmentPart } from "./config-environment.ts";
import type { IncludeFacts } from "./config-include.ts";
import { type ConfigPart, type ConfigRead, readConfig } from "./config-read.ts";
import { maxConfigBytes } from "./git-config.ts";
import type { Repository } from "./locate.ts";

type Env = Record<string, string | undefined>;

/** The user whose settings they are. */
export type UserPlaces = { /** home directory */ home: string; env: Env };

/** The repository's own files, already read without following links. */
export type RepositoryConfig = {
  repository: Repository;
  /** full name of the ref that HEAD points to */
  head: string | null;
  parts: ConfigPart[];
};

export function readAllConfig(user: UserPlaces, own: RepositoryConfig): ConfigRead {
  const { repository, head } = own;
  return readConfig({
    parts: [...userParts(user, repository.workTree), ...own.parts, ...environmentPart(user.env)],
    ...placesOf(user),
    real: realPathIfAny,
    gitDirs: gitDirNames(repository, user.env["PWD"]),
    branch: head?.startsWith("refs/heads/") ? head.slice("refs/heads/".length) : null,
    read: readFollowing,
  });
}

/** What `~` and `~name` expand to. */
export function placesOf({ home }: UserPlaces): Pick<IncludeFacts, "home" | "homeOf"> {
  return { home: home === "" ? null : byteTextOf(home), homeOf };
}

/** git's folder below `$XDG_CONFIG_HOME`; a relative value counts as unset (XDG Base Directory Specification). */
export function xdgGit({ home, env }: UserPlaces): string {
  const xdg = env["XDG_CONFIG_HOME"];
  return byteTextOf(xdg?.startsWith("/") ? `${xdg}/git` : `${home}/.config/git`);
}

function userParts(user: UserPlaces, workTree: string): ConfigPart[] {
  const { env, home } = user;
  const system = isOn(env["GIT_CONFIG_NOSYSTEM"]) ? [] : [env["GIT_CONFIG_SYSTEM"] ?? "/etc/gitconfig"];
  const named = env["GIT_CONFIG_GLOBAL"];
  const global =
    named === undefined ? [`${xdgGit(user)}/config`, byteTextOf(`${home}/.gitconfig`)] : [byteTextOf(named)];
  return [
    ...system.map((path) => ({ scope: "system" as const, path: byteTextOf(path) })),
    ...global.map((path) => ({ scope: "global" as const, path })),
  ].flatMap(({ scope, path }) => {
    if (path === "") return [];
    const file = path.startsWith("/") ? path : `${workTree}/${path}`;
    const text = isReadable(file) ? readFollowing(file) : null;
    return text === null ? [] : [{ scope, file, text }];
  });
}

/** A boolean environment variable, as git reads it. */
function isOn(value: string | undefined): boolean {
  return value !== undefined && !["", "false", "no", "off", "0"].includes(value.toLowerCase());
}

/** git also tries the shell's name for the folder, if links lead to it or `.git` is a link. */
function gitDirNames({ gitDir, workTree }: Repository, pwd: string | undefined): string[] {
  if (lookAt(`${workTree}/.git`)?.kind === "file") return [gitDir];
  const spelled = pwd?.startsWith("/") ? byteTextOf(pwd) : "";
  return [gitDir, `${spelled !== "" && realPathIfAny(spelled) === workTree ? spelled : workTree}/.git`];
}

function homeOf(user: string): string | null {
  const text = readFollowing("/etc/passwd") ?? "";
  const line = text.split("\n").find((each) => each.startsWith(`${user}:`));
  return line?.split(":")[5] ?? null;
}

/** A regular file, following links as git does. @throws Error when it can't be read or is too large */
function readFollowing(path: string): string | null {
  let file: string;
  try {
    file = realPath(path);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw error;
  }
  const cut = file.lastIndexOf("/");
  const bytes = readBeneath(file.slice(0, cut) || "/", file.slice(cut + 1), maxConfigBytes);
  return bytes === null ? null : Buffer.from(bytes).toString("latin1");
}

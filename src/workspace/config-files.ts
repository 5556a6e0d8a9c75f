/** The files of git's configuration on this host, in the order in which git reads them (git-config(1), "FILES"). */
import { byteTextOf, isReadable, lookAt, readBeneath, realPath, realPathIfAny } from "../host/files/tree.ts";
import { environmentPart } from "./config-environment.ts";
import type { IncludeFacts } from "./config-include.ts";
import { type ConfigPart, type ConfigRead, readConfig } from "./config-read.ts";
import { maxConfigBytes } from "./git-config.ts";
import type { Repository } from "./locate.ts";

type Env = Record<string, string | undefined>;

/** Whose settings they are. */
export type UserPlaces = { /** home directory */ home: string; env: Env };

/** What the repository's own files say, already read without following links. */
export type RepositoryConfig = {
  repository: Repository;
  /** full name of the ref that HEAD is */
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

/** What `~` and `~name` stand for. */
export function placesOf({ home }: UserPlaces): Pick<IncludeFacts, "home" | "homeOf"> {
  return { home: home === "" ? null : byteTextOf(home), homeOf };
}

/** A folder for git's files below `$XDG_CONFIG_HOME`; a relative one counts as none, as XDG's specification asks. */
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

/** git's booleans of the environment. */
function isOn(value: string | undefined): boolean {
  return value !== undefined && !["", "false", "no", "off", "0"].includes(value.toLowerCase());
}

/** git tries the name that the shell came by too, where links lead to the folder or `.git` is one. */
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

/** A plain file, links followed: git would open it just so. @throws Error where it can't be read or is too large */
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

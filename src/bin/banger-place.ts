/** Where the daemon is that commands use: the user's own, the system service, or one that `BANGER_SOCKET` names. */
import { dirname, join } from "node:path";
import type { DaemonPlace } from "../client/connect.ts";
import { chooseDaemon } from "../client/place.ts";
import { ownUid } from "../host/files/owner.ts";
import { readRootFile } from "../host/files/root-file.ts";
import { type InstallMetadata, maxMetadata, parseMetadata } from "../model/install.ts";
import { type Paths, pathsOf, systemPaths, systemRoots } from "../model/paths.ts";

type Env = Record<string, string | undefined>;

/** @throws SYSTEM_NOT_YOURS */
export function placeOf(paths: Paths, env: Env, metadata = installed()): DaemonPlace {
  const service = pathsOf(systemRoots(""));
  const facts = { uid: ownUid(), named: env["BANGER_SOCKET"], metadata, systemSocket: service.socket };
  const chosen = chooseDaemon(facts);
  const own = ownPlace(paths, env);
  if (chosen.kind === "own") return own;
  if (chosen.kind === "named") return { ...own, socket: chosen.socket, foreign: true };
  return { ...own, socket: chosen.socket, owner: chosen.owner, stateFolder: service.roots.state };
}

/** The user's own daemon, whatever else there is. */
export function ownPlace(paths: Paths, env: Env): DaemonPlace {
  return {
    socket: paths.socket,
    foreign: false,
    runtimeFolder: paths.roots.runtime,
    stateFolder: paths.roots.state,
    lockFile: paths.lock,
    stderrFile: paths.daemonStderr,
    program: join(dirname(process.execPath), "bangerd"),
    env: definedOnly(env),
  };
}

/** Null without metadata, and with metadata that can't be trusted, of which `banger system status` tells. */
export function installed(): InstallMetadata | null {
  const file = readRootFile(systemPaths().metadata, maxMetadata);
  const metadata = file && "text" in file ? parseMetadata(file.text) : null;
  return metadata && "owner" in metadata ? metadata : null;
}

function definedOnly(env: Env): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Where the daemon is that commands use: the user's own, the system service, or one that `BANGER_SOCKET` names. */
import { dirname, join } from "node:path";
import { fail } from "../base/errors/error.ts";
import { oneLine } from "../base/untrusted-text.ts";
import type { DaemonPlace } from "../client/connect.ts";
import { chooseDaemon } from "../client/place.ts";
import { ownUid } from "../host/files/owner.ts";
import type { InstallMetadata } from "../model/install.ts";
import { type Paths, pathsOf, systemPaths, systemRoots } from "../model/paths.ts";
import { type MetadataFound, readMetadata } from "../system/metadata.ts";
import { definedOnly } from "./defined-only.ts";

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

/** Null without metadata, and with metadata that can't be trusted. */
export function installed(found = foundInstall()): InstallMetadata | null {
  return found && "metadata" in found ? found.metadata : null;
}

export function foundInstall(): MetadataFound {
  return readMetadata({ paths: systemPaths(), root: 0 });
}

/**
 * What a user is told whose commands go to a daemon of their own although there may be a service: its metadata can't be trusted, so nobody
 * knows whose it is. Null when there is nothing to say.
 */
export function fallbackWarning({ owner, foreign }: Pick<DaemonPlace, "owner" | "foreign">, found: MetadataFound) {
  if (owner || foreign || found === null || !("problem" in found)) return null;
  const { message, hint } = fail("SYSTEM_METADATA_INVALID", { path: systemPaths().metadata, problem: found.problem });
  return `warning: ${oneLine(message)}; this command uses your own daemon\nhint: ${oneLine(hint)}\n`;
}

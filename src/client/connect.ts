/** Finding the daemon's socket, and who listens there: passwords and workspaces go to it. */
import { dirname } from "node:path";
import type { ByteStream } from "../base/bytes.ts";
import { type BangerError, fail } from "../base/errors/error.ts";
import { errnoOf } from "../host/errno.ts";
import { folderProblem, nearestAbove, ownedBy, ownUid } from "../host/files/owner.ts";
import { connectUnixFast } from "../host/net/unix-connection.ts";

export type DaemonPlace = {
  socket: string;
  /** chosen by `BANGER_SOCKET`: then nothing is started there */
  foreign: boolean;
  runtimeFolder: string;
  stateFolder: string;
  /** holds the pid of the daemon that has this state folder */
  lockFile: string;
  /** what a daemon says before it has a log */
  stderrFile: string;
  /** path of `bangerd` */
  program: string;
  env: Record<string, string>;
};

const connectTimeoutMs = 10_000;

type Wanted = Pick<DaemonPlace, "socket" | "foreign">;

/**
 * A connection, or null when nobody listens. Its folder and whoever listens must be this user's; where `BANGER_SOCKET` names it, root's
 * will do as well.
 * @param connect for tests
 * @throws DAEMON_UNTRUSTED before a byte was sent, DAEMON_UNREACHABLE, FOLDER_UNSAFE for a place that may not be seen, PATH_TOO_LONG
 */
export async function connectIfRunning(place: Wanted, connect = connectUnixFast): Promise<ByteStream | null> {
  const self = ownUid();
  const uids = place.foreign ? [self, 0] : [self];
  requireSafeFolder(place, { self, uids });
  try {
    return await connect(place.socket, connectTimeoutMs, (listener) => {
      if (listener && uids.includes(listener.uid)) return;
      const found = listener ? `uid ${listener.uid} listens there` : "the kernel does not say who listens there";
      throw untrusted(place, `${found}, you are uid ${self}`);
    });
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") return null;
    if (code === undefined) throw error;
    if (code === "EACCES" && !place.foreign) requireVisibleFolder(place);
    throw fail("DAEMON_UNREACHABLE", { socket: place.socket, reason: reasons[code] ?? code }, error);
  }
}

function requireSafeFolder(place: Wanted, who: { self: number; uids: readonly number[] }): void {
  const folder = dirname(place.socket);
  const found = ownedBy(folder);
  const problem = found && folderProblem(found, { ...who, allowSticky: place.foreign });
  if (problem) throw untrusted(place, `${folder} ${problem}`);
}

/** Another's HOME, as `sudo -E` and `su -m` keep it. @throws FOLDER_UNSAFE */
function requireVisibleFolder({ socket }: Wanted): void {
  const path = dirname(socket);
  if (ownedBy(path) === null)
    throw fail("FOLDER_UNSAFE", { path, problem: `you may not look into ${nearestAbove(path)}` });
}

function untrusted({ socket, foreign }: Wanted, reason: string): BangerError {
  const next =
    "BANGER_SOCKET must name a socket of your own or root's, in a folder that others can't write to: unset it to use your own daemon";
  return fail("DAEMON_UNTRUSTED", { socket, reason, ...(foreign ? { next } : {}) });
}

const reasons: Record<string, string> = {
  EACCES: "you have no right to open it (EACCES)",
  ETIMEDOUT: "it does not answer",
  ENOTSOCK: "it is no socket",
};

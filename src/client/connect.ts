/** Connects to the daemon's socket and checks who listens there: passwords and workspaces are sent to it. */
import { dirname } from "node:path";
import type { ByteStream } from "../base/bytes.ts";
import { type BangerError, fail } from "../base/errors/error.ts";
import { errnoOf, hasNoListener, isMissing } from "../host/errno.ts";
import { folderProblem, nearestAbove, ownedBy, ownUid } from "../host/files/owner.ts";
import { connectUnixFast } from "../host/net/unix-connection.ts";
import { hostPace } from "../host/pace.ts";
import type { Owner } from "../model/install.ts";

export type DaemonPlace = {
  socket: string;
  /** set by `BANGER_SOCKET`: no daemon is started there */
  foreign: boolean;
  /** of the system service, if that is it: systemd starts it, and its processes are this user's */
  owner?: Owner;
  runtimeFolder: string;
  stateFolder: string;
  /** contains the pid of the daemon that uses this state folder */
  lockFile: string;
  /** the daemon's stderr, before it has a log */
  stderrFile: string;
  /** path of `bangerd` */
  program: string;
  env: Record<string, string>;
};

const connectTimeoutMs = () => Math.round(10_000 * hostPace());

type Wanted = Pick<DaemonPlace, "socket" | "foreign" | "owner">;

/**
 * Connects; null if no process listens. The socket's folder and the listening process must belong to this user, or to root if
 * `BANGER_SOCKET` names the socket, or to the owner of the service if it is the service's.
 * @param connect for tests
 * @throws DAEMON_UNTRUSTED before a byte is sent, DAEMON_UNREACHABLE, FOLDER_UNSAFE for a folder that this user can't search, PATH_TOO_LONG
 */
export async function connectIfRunning(place: Wanted, connect = connectUnixFast): Promise<ByteStream | null> {
  const self = ownUid();
  const uids = trustedUids(place, self);
  requireSafeFolder(place, { self, uids });
  try {
    return await connect(place.socket, connectTimeoutMs(), (listener) => {
      if (listener && uids.includes(listener.uid)) return;
      const found = listener ? `uid ${listener.uid} listens there` : "the kernel does not report who listens there";
      throw untrusted(place, `${found}, you are uid ${self}`);
    });
  } catch (error) {
    if (isMissing(error) || hasNoListener(error)) return null;
    const code = errnoOf(error);
    if (code === undefined) throw error;
    if (code === "EACCES" && !place.foreign && !place.owner) requireVisibleFolder(place);
    throw unreachable(place, reasons[code] ?? code, error);
  }
}

function trustedUids({ foreign, owner }: Wanted, self: number): number[] {
  if (owner) return [owner.uid];
  return foreign ? [self, 0] : [self];
}

/** @param reason as a clause */
export function unreachable({ socket, foreign, owner }: Wanted, reason: string, cause?: unknown): BangerError {
  const forService = "`sudo banger system restart` starts the service";
  const forNamed = "unset BANGER_SOCKET to use your own daemon, which is started when needed";
  if (!owner && !foreign) return fail("DAEMON_UNREACHABLE", { socket, reason }, cause);
  return fail("DAEMON_UNREACHABLE", { socket, reason, next: owner ? forService : forNamed }, cause);
}

function requireSafeFolder(place: Wanted, who: { self: number; uids: readonly number[] }): void {
  const folder = dirname(place.socket);
  const found = ownedBy(folder);
  const problem = found && folderProblem(found, { ...who, allowSticky: place.foreign });
  if (problem) throw untrusted(place, `${folder} ${problem}`);
}

/** For the HOME of another user, which `sudo -E` and `su -m` keep. @throws FOLDER_UNSAFE */
function requireVisibleFolder({ socket }: Wanted): void {
  const path = dirname(socket);
  if (ownedBy(path) === null)
    throw fail("FOLDER_UNSAFE", { path, problem: `you may not look into ${nearestAbove(path)}` });
}

function untrusted({ socket, foreign, owner }: Wanted, reason: string): BangerError {
  if (owner) {
    const next = `the service runs as ${owner.name} (uid ${owner.uid}), and its folder is closed to others: \`banger system status\` shows what is there`;
    return fail("DAEMON_UNTRUSTED", { socket, reason, next });
  }
  const next =
    "BANGER_SOCKET must name a socket of your own or root's, in a folder that others can't write to: unset it to use your own daemon";
  return fail("DAEMON_UNTRUSTED", { socket, reason, ...(foreign ? { next } : {}) });
}

const reasons: Record<string, string> = {
  EACCES: "you are not allowed to open it (EACCES)",
  ETIMEDOUT: "it does not respond",
  ENOTSOCK: "it is not a socket",
};

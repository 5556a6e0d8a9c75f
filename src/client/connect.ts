/** Finding the daemon's socket. */
import type { ByteStream } from "../base/bytes.ts";
import { fail } from "../base/errors/error.ts";
import { errnoOf } from "../host/errno.ts";
import { connectUnixLine } from "../host/unix-line.ts";

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

/** A connection, or null when nobody listens. @throws DAEMON_UNREACHABLE, PATH_TOO_LONG */
export async function connectIfRunning(place: Pick<DaemonPlace, "socket">): Promise<ByteStream | null> {
  try {
    return await connectUnixLine(place.socket);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") return null;
    if (code === undefined) throw error;
    throw fail("DAEMON_UNREACHABLE", { socket: place.socket, reason: reasons[code] ?? code }, error);
  }
}

const reasons: Record<string, string> = {
  EACCES: "you have no right to open it (EACCES)",
  ETIMEDOUT: "it does not answer",
  ENOTSOCK: "it is no socket",
};

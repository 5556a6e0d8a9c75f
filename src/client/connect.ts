/** Finding the daemon, and starting it when nobody has yet. */
import { Deferred } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";
import { fail } from "../base/errors/error.ts";
import { Exit } from "../base/exit.ts";
import { errnoOf } from "../host/errno.ts";
import { ensureFolder, tailBytes } from "../host/files.ts";
import { spawnDetached } from "../host/process.ts";
import { connectUnix } from "../host/socket.ts";
import { watchNearest } from "../host/socket-file.ts";

export type DaemonPlace = {
  socket: string;
  /** chosen by `BANGER_SOCKET`: then nothing is started there */
  foreign: boolean;
  runtimeFolder: string;
  stateFolder: string;
  /** what a daemon says before it has a log */
  stderrFile: string;
  /** path of `bangerd` */
  program: string;
  env: Record<string, string>;
};

const startTimeoutMs = 30_000;

/** A connection, or null when nobody listens. @throws DAEMON_UNREACHABLE */
export async function connectIfRunning(place: DaemonPlace): Promise<ByteStream | null> {
  try {
    return await connectUnix(place.socket);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ECONNREFUSED" || code === "ENOTDIR") return null;
    if (code === undefined) throw error;
    throw fail("DAEMON_UNREACHABLE", { socket: place.socket, reason: code }, error);
  }
}

/** A connection; starts the daemon when it isn't there. @throws DAEMON_START_FAILED, DAEMON_UNREACHABLE */
export async function connectOrStart(place: DaemonPlace): Promise<ByteStream> {
  const running = await connectIfRunning(place);
  if (running) return running;
  if (place.foreign) {
    const next = "unset BANGER_SOCKET to use your own daemon, which starts by itself";
    throw fail("DAEMON_UNREACHABLE", { socket: place.socket, reason: "nobody listens there", next });
  }
  return startAndConnect(place);
}

async function startAndConnect(place: DaemonPlace): Promise<ByteStream> {
  await Promise.all([ensureFolder(place.runtimeFolder), ensureFolder(place.stateFolder)]);
  const changed = new Changes();
  const watcher = watchNearest(place.runtimeFolder, () => changed.tell());
  const timer = setTimeout(
    () => changed.end(startFailed(place, `it is not ready after ${startTimeoutMs / 1000} s`)),
    startTimeoutMs,
  );
  try {
    const { exited } = await spawnDetached([place.program], {
      cwd: "/",
      env: place.env,
      stdoutFile: place.stderrFile,
      stderrFile: place.stderrFile,
    });
    void exited.then(async ({ exitCode }) => {
      // another one was quicker: its socket is about to be there
      if (exitCode === Exit.Conflict) return changed.tell();
      const said = new TextDecoder().decode(await tailBytes(place.stderrFile, 2000)).trim();
      const line = said.split("\n").findLast((one) => one.startsWith("bangerd: ")) ?? said.split("\n").at(-1);
      changed.end(startFailed(place, line?.replace(/^bangerd: /, "") || `it ended with status ${exitCode}`));
    });
    for (;;) {
      const stream = await connectIfRunning(place);
      if (stream) return stream;
      await changed.next();
    }
  } finally {
    clearTimeout(timer);
    watcher.close();
  }
}

function startFailed(place: DaemonPlace, reason: string): Error {
  return fail("DAEMON_START_FAILED", { reason, log: place.stderrFile });
}

/** Something happened since one looked last. */
class Changes {
  #waiting = new Deferred<void>();
  #failure: Error | undefined;

  tell(): void {
    this.#waiting.resolve();
  }

  end(error: Error): void {
    this.#failure = error;
    this.#waiting.resolve();
  }

  async next(): Promise<void> {
    await this.#waiting.promise;
    this.#waiting = new Deferred<void>();
    if (this.#failure) throw this.#failure;
  }
}

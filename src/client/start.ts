/**
 * Starting the user's daemon. Several programs may do it at once: one daemon gets the lock, the others end, and whoever
 * started those waits for the winner's socket. Nothing is polled: the folder is watched, and processes are waited for.
 */
import { dirname } from "node:path";
import { Deferred } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";
import { type BangerError, fail, isError } from "../base/errors/error.ts";
import { Exit } from "../base/exit.ts";
import { stripControl } from "../base/text.ts";
import { sizeOf, tailBytes } from "../host/files/files.ts";
import { ensureOwnFolder } from "../host/files/owner.ts";
import { watchNearest } from "../host/net/socket-file.ts";
import { processRef, spawnDetached } from "../host/process/children.ts";
import { waitForExit } from "../host/process/end.ts";
import type { DaemonPlace } from "./connect.ts";
import { connectOwn, lockHolder } from "./lock-file.ts";

const startTimeoutMs = 30_000;
/** each lost against another daemon that was just ending */
const maxStarts = 5;

/** A connection to a daemon that was started now, by us or by someone else. @throws DAEMON_START_FAILED, DAEMON_UNREACHABLE, DAEMON_UNTRUSTED, FOLDER_UNSAFE */
export async function startDaemon(place: DaemonPlace): Promise<ByteStream> {
  await Promise.all([ensureOwnFolder(place.runtimeFolder), ensureOwnFolder(place.stateFolder)]);
  const start = new Start(place);
  const watcher = watchNearest(place.runtimeFolder, () => start.tell());
  const late = startFailed(place, `it is not ready after ${startTimeoutMs / 1000} s`);
  const timer = setTimeout(() => start.fail(late), startTimeoutMs);
  try {
    for (;;) {
      const stream = await connectOwn(place);
      if (stream) return stream;
      await start.unlessUnderWay();
      await start.change();
    }
  } finally {
    clearTimeout(timer);
    watcher.close();
    start.stop();
  }
}

/** Something happened since one looked last; and whether a daemon is on its way. */
class Start {
  readonly #place: DaemonPlace;
  #changed = new Deferred<void>();
  #failure: BangerError | undefined;
  #isUnderWay = false;
  #starts = 0;
  /** where a daemon that has the lock makes its socket, when that is another folder than ours */
  #elsewhere: { close(): void } | undefined;

  constructor(place: DaemonPlace) {
    this.#place = place;
  }

  tell(): void {
    this.#changed.resolve();
  }

  stop(): void {
    this.#elsewhere?.close();
  }

  fail(error: BangerError): void {
    this.#failure = error;
    this.tell();
  }

  async change(): Promise<void> {
    await this.#changed.promise;
    this.#changed = new Deferred<void>();
    if (this.#failure) throw this.#failure;
  }

  async unlessUnderWay(): Promise<void> {
    if (this.#isUnderWay || this.#starts === maxStarts) return;
    this.#isUnderWay = true;
    this.#starts += 1;
    const { program, env, stderrFile } = this.#place;
    const said = await sizeOf(stderrFile).catch(() => 0);
    const options = { cwd: "/", env, stdoutFile: stderrFile, stderrFile };
    const { exited } = await spawnDetached([program], options).catch((error: unknown) => {
      const reason = isError(error, "TOOL_MISSING") ? `there is no ${program}` : (error as Error).message;
      throw startFailed(this.#place, reason);
    });
    void exited.then(({ exitCode, signal }) => {
      if (exitCode === Exit.Conflict) return this.#lost();
      return this.#died(signal ?? `status ${exitCode}`, said);
    });
  }

  /** Another daemon has the lock: its socket appears, or it ends and leaves the place to us. */
  async #lost(): Promise<void> {
    const found = await lockHolder(this.#place.lockFile);
    const holder = found && processRef(found.pid);
    if (found?.socket && found.socket !== this.#place.socket) {
      this.#elsewhere?.close();
      this.#elsewhere = watchNearest(dirname(found.socket), () => this.tell());
    }
    this.tell();
    if (holder) await waitForExit(holder);
    this.#isUnderWay = false;
    this.tell();
  }

  async #died(how: string, before: number): Promise<void> {
    const { stderrFile } = this.#place;
    const after = await sizeOf(stderrFile).catch(() => 0);
    const bytes = await tailBytes(stderrFile, Math.min(2000, Math.max(0, after - before))).catch(
      () => new Uint8Array(),
    );
    const lines = stripControl(new TextDecoder().decode(bytes)).trim().split("\n");
    const line = lines.findLast((one) => one.startsWith("bangerd: ")) ?? lines.at(-1) ?? "";
    const next = lines.findLast((one) => one.startsWith("hint: "))?.replace(/^hint: /, "");
    this.fail(startFailed(this.#place, line.replace(/^bangerd: /, "") || `it ended with ${how}`, next));
  }
}

/** @param next what the daemon itself said should be done */
function startFailed(place: DaemonPlace, reason: string, next?: string): BangerError {
  return fail("DAEMON_START_FAILED", { reason, log: place.stderrFile, ...(next ? { next } : {}) });
}

/**
 * Starts the user's daemon. Several programs can do so at once: one daemon gets the lock, the others exit, and the programs that
 * started those wait for the socket of the first. Nothing is polled: folders are watched, and processes are waited for.
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
import { hostPace } from "../host/pace.ts";
import { processRef, spawnDetached } from "../host/process/children.ts";
import { waitForExit } from "../host/process/end.ts";
import type { DaemonPlace } from "./connect.ts";
import { connectOwn, lockHolder } from "./lock-file.ts";

const startTimeoutMs = () => Math.round(30_000 * hostPace());
/** attempts, each lost to another daemon that was about to exit */
const maxStarts = 5;

/** Connects to a daemon that was started just now, here or by another program. @throws DAEMON_START_FAILED, DAEMON_UNREACHABLE, DAEMON_UNTRUSTED, FOLDER_UNSAFE */
export async function startDaemon(place: DaemonPlace): Promise<ByteStream> {
  await Promise.all([ensureOwnFolder(place.runtimeFolder), ensureOwnFolder(place.stateFolder)]);
  const start = new Start(place);
  const watcher = watchNearest(place.runtimeFolder, () => start.notify());
  const limitMs = startTimeoutMs();
  const late = startFailed(place, `it was not ready after ${limitMs / 1000} s`);
  const timer = setTimeout(() => start.fail(late), limitMs);
  try {
    for (;;) {
      const stream = await connectOwn(place);
      if (stream) return stream;
      await start.ensureStarted();
      await start.change();
    }
  } finally {
    clearTimeout(timer);
    watcher.close();
    start.stop();
  }
}

/** The progress of a start: whether a daemon is being started, and whether anything has changed since the last attempt to connect. */
class Start {
  readonly #place: DaemonPlace;
  #changed = new Deferred<void>();
  #failure: BangerError | undefined;
  #isStarting = false;
  #starts = 0;
  /** watches the folder where the daemon with the lock creates its socket, if that is another folder than ours */
  #elsewhere: { close(): void } | undefined;

  constructor(place: DaemonPlace) {
    this.#place = place;
  }

  notify(): void {
    this.#changed.resolve();
  }

  stop(): void {
    this.#elsewhere?.close();
  }

  fail(error: BangerError): void {
    this.#failure = error;
    this.notify();
  }

  async change(): Promise<void> {
    await this.#changed.promise;
    this.#changed = new Deferred<void>();
    if (this.#failure) throw this.#failure;
  }

  async ensureStarted(): Promise<void> {
    if (this.#isStarting || this.#starts === maxStarts) return;
    this.#isStarting = true;
    this.#starts += 1;
    const { program, env, stderrFile } = this.#place;
    const before = await sizeOf(stderrFile).catch(() => 0);
    const options = { cwd: "/", env, stdoutFile: stderrFile, stderrFile };
    const { exited } = await spawnDetached([program], options).catch((error: unknown) => {
      const reason = isError(error, "TOOL_MISSING") ? `there is no ${program}` : (error as Error).message;
      throw startFailed(this.#place, reason);
    });
    void exited.then(({ exitCode, signal }) => {
      if (exitCode === Exit.Conflict) return this.#lost();
      return this.#died(signal ?? `status ${exitCode}`, before);
    });
  }

  /** Another daemon has the lock: either its socket appears, or it exits and a daemon can be started again. */
  async #lost(): Promise<void> {
    const found = await lockHolder(this.#place.lockFile);
    const holder = found && processRef(found.pid);
    if (found?.socket && found.socket !== this.#place.socket) {
      this.#elsewhere?.close();
      this.#elsewhere = watchNearest(dirname(found.socket), () => this.notify());
    }
    this.notify();
    if (holder) await waitForExit(holder);
    this.#isStarting = false;
    this.notify();
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

/** @param next the daemon's own hint */
function startFailed(place: DaemonPlace, reason: string, next?: string): BangerError {
  return fail("DAEMON_START_FAILED", { reason, log: place.stderrFile, ...(next ? { next } : {}) });
}

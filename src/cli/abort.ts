/** Cancels banger's own work when a signal arrives. */
import { BangerError, fail } from "../base/errors/error.ts";
import type { Signals } from "../client/dependencies.ts";
import { asksToEnd, signalStatus } from "../client/session/exit-status.ts";

/** Runs `body` with a signal that aborts on INT, TERM, HUP and QUIT. If `body` fails after that, throws `Interrupted` instead. */
export async function cancellable<T>(signals: Signals, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const stop = signals((signal) => {
    if (asksToEnd(signal)) abort.abort(new Interrupted(signal));
  });
  try {
    return await body(abort.signal);
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    stop();
  }
}

/** INTERRUPTED, with the exit code that a shell would give. */
export class Interrupted extends BangerError {
  constructor(signal: string) {
    super({ ...fail("INTERRUPTED", { signal: `SIG${signal}` }).toWire(), exit: signalStatus(signal) });
  }
}

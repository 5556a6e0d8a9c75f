/** A signal while banger itself works cancels what it does. */
import { fail } from "../base/errors/error.ts";
import type { Signals } from "../client/attach.ts";

export type AbortReason = { signal: string; code: number };

const numbers: Record<string, number> = { HUP: 1, INT: 2, TERM: 15 };

/** Runs `body` with a signal that aborts on INT, TERM and HUP. Its error then says so. */
export async function cancellable<T>(signals: Signals, body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const stop = signals((signal) => abort.abort(new Interrupted(signal)));
  try {
    return await body(abort.signal);
  } catch (error) {
    if (abort.signal.aborted) throw abort.signal.reason;
    throw error;
  } finally {
    stop();
  }
}

/** Carries the exit code of the shell's convention. */
export class Interrupted extends Error {
  readonly signal: string;
  readonly code: number;
  constructor(signal: string) {
    const known = fail("INTERRUPTED", { signal: `SIG${signal}` });
    super(known.message, { cause: known });
    this.signal = signal;
    this.code = 128 + (numbers[signal] ?? 15);
  }
}

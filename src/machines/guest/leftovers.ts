/**
 * What should have been removed and is still there. Kept in memory alone: the next daemon finds it among the folders that it
 * sweeps, and tries again.
 */
import { isError } from "../../base/errors/error.ts";
import type { Logger } from "../../host/log.ts";

export type Leftover = {
  /** the first thing that could not be removed */
  path: string;
  reason: string;
  /** what to type about it */
  next: string;
};

/** More than this many are counted by nobody: one cause makes them all. */
const maxKept = 256;

export class Leftovers {
  readonly #log: Logger;
  readonly #byRoot = new Map<string, Leftover>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Takes note of a NOT_REMOVED; other errors are none of its business. */
  note(error: unknown): void {
    if (!isError(error, "NOT_REMOVED")) return;
    const { root, path, reason, next } = error.details as { root: string } & Leftover;
    if (this.#byRoot.has(root) || this.#byRoot.size >= maxKept) return;
    this.#byRoot.set(root, { path, reason, next });
    this.#log.warn("can't be removed", { path, reason });
  }

  /** Removes what is at `path`. @throws NOT_REMOVED, which is noted */
  async removing(path: string, remove: (path: string) => Promise<void>): Promise<void> {
    try {
      await remove(path);
      this.#byRoot.delete(path);
    } catch (error) {
      this.note(error);
      throw error;
    }
  }

  all(): Leftover[] {
    return [...this.#byRoot.values()];
  }
}

/**
 * What should have been removed and is still there. Kept in memory only: the next daemon finds it when it sweeps its folders,
 * and tries again.
 */
import { isError } from "../../base/errors/error.ts";
import type { Logger } from "../../host/log.ts";

export type Leftover = {
  /** the first path that could not be removed */
  path: string;
  reason: string;
  /** a hint: what to do about it */
  next: string;
};

/** More are not kept: they have one cause. */
const maxKept = 256;

export class Leftovers {
  readonly #log: Logger;
  readonly #byRoot = new Map<string, Leftover>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Records a NOT_REMOVED; ignores other errors. */
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

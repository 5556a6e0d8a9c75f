/**
 * Multi-step changes that unwind by construction: `await using undo = new UndoStack()`, register the undo on the line
 * after each act, and `keep()` once all is done.
 */
type Undo = { what: string; run: () => unknown };

export class UndoStack implements AsyncDisposable {
  #undos: Undo[] = [];

  /** @param what the act that is undone, for the report when undoing fails */
  defer(what: string, run: () => unknown): void {
    this.#undos.push({ what, run });
  }

  /** The change is complete: nothing will be undone. */
  keep(): void {
    this.#undos = [];
  }

  /**
   * Runs the undos, last first, every one even when others fail.
   * @throws UndoFailed naming what was left behind
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: { what: string; error: unknown }[] = [];
    for (let next = this.#undos.pop(); next !== undefined; next = this.#undos.pop()) {
      try {
        await next.run();
      } catch (error) {
        failures.push({ what: next.what, error });
      }
    }
    if (failures.length > 0) throw new UndoFailed(failures);
  }
}

/** Undoing failed too; the message names everything that was left behind. */
export class UndoFailed extends Error {
  readonly failures: readonly { what: string; error: unknown }[];

  constructor(failures: readonly { what: string; error: unknown }[]) {
    const list = failures.map((f) => `${f.what} (${f.error instanceof Error ? f.error.message : String(f.error)})`);
    super(`could not undo: ${list.join(", ")}`);
    this.name = "UndoFailed";
    this.failures = failures;
  }
}

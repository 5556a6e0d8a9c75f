/**
 * Changes of several steps that undo themselves: `await using undo = new UndoStack()`, register the undo on the line after each step,
 * and call `keep()` once all are done.
 */
type Undo = { what: string; run: () => unknown };

export class UndoStack implements AsyncDisposable {
  #undos: Undo[] = [];

  /** @param what names the step that is undone, for the report when undoing fails */
  defer(what: string, run: () => unknown): void {
    this.#undos.push({ what, run });
  }

  /** The change is complete: nothing will be undone. */
  keep(): void {
    this.#undos = [];
  }

  /**
   * Runs the undos in reverse order, all of them even when some fail.
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

/** Undoing failed; the message names everything that was left behind. */
export class UndoFailed extends Error {
  readonly failures: readonly { what: string; error: unknown }[];

  constructor(failures: readonly { what: string; error: unknown }[]) {
    const list = failures.map((f) => `${f.what} (${f.error instanceof Error ? f.error.message : String(f.error)})`);
    super(`could not undo: ${list.join(", ")}`);
    this.name = "UndoFailed";
    this.failures = failures;
  }
}

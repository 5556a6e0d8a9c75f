/** Collects notices for the user, with at most a few examples of each kind. */
import { showPath } from "./names.ts";
import type { WorkspaceNote } from "./types.ts";

const examples = 3;

export class Notes {
  readonly #notes: WorkspaceNote[] = [];
  readonly #paths = new Map<string, string[]>();

  add(level: WorkspaceNote["level"], text: string): void {
    if (!this.#notes.some((note) => note.text === text)) this.#notes.push({ level, text });
  }

  /** Adds one of several paths with the same notice: `what` completes "a, b and 3 more …". */
  path(what: string, path: string): void {
    const paths = this.#paths.get(what);
    if (paths === undefined) this.#paths.set(what, [path]);
    else paths.push(path);
  }

  list(): WorkspaceNote[] {
    const grouped = [...this.#paths].map(([what, paths]): WorkspaceNote => {
      const shown = paths.slice(0, examples).map(showPath).join(", ");
      const more = paths.length > examples ? ` and ${paths.length - examples} more` : "";
      return { level: "warn", text: `${shown}${more}: ${what}` };
    });
    return [...this.#notes, ...grouped];
  }
}

/** Collects notices for the user, with at most a few examples of each kind. */
import { firstOf } from "../base/text.ts";
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
      return { level: "warn", text: `${firstOf(paths, examples, showPath)}: ${what}` };
    });
    return [...this.#notes, ...grouped];
  }
}

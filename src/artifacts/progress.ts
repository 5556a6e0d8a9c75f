/** Reports the progress of several downloads as one. */
import type { Digest } from "../base/names.ts";
import { count } from "../base/text.ts";
import { formatSize } from "../base/units.ts";
import type { Emit } from "../model/event.ts";

type Part = { digest: Digest /** bytes */; size: number };

export class DownloadProgress {
  readonly #text: string;
  readonly #emit: Emit;
  readonly #total: number;
  readonly #sizes: Map<Digest, number>;
  readonly #done = new Map<Digest, number>();

  /** @param how `unit`: noun for the parts, to show their number */
  constructor(name: string, parts: readonly Part[], how: { unit?: string; emit: Emit }) {
    this.#emit = how.emit;
    this.#sizes = new Map(parts.map(({ digest, size }) => [digest, size]));
    this.#total = [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
    const number = how.unit === undefined ? "" : ` in ${count(this.#sizes.size, how.unit)}`;
    this.#text = `pulling ${name}, ${formatSize(this.#total)}${number}`;
  }

  /** @param done bytes of that part; unknown parts are ignored */
  report(digest: Digest, done: number): void {
    if (!this.#sizes.has(digest)) return;
    this.#done.set(digest, done);
    const sum = [...this.#done.values()].reduce((all, one) => all + one, 0);
    this.#emit({ kind: "progress", step: "pull", text: this.#text, done: sum, total: this.#total });
  }
}

/**
 * How much of a file is asked for at once. All of it, until a line breaks before anything came: what breaks after so many bytes
 * may lose those that it gave, and then a smaller piece comes whole.
 */
const first = 64 * 1024;
const smallest = 8 * 1024;
const largest = 1024 * 1024;
/** that came whole before larger ones are tried */
const enough = 16;

export class Pieces {
  #bytes: number | null = null;
  #whole = 0;

  /** Bytes; null: all that are left. */
  get next(): number | null {
    return this.#bytes;
  }

  /** Nothing came of what was asked for. */
  broke(): void {
    this.#whole = 0;
    this.#bytes = this.#bytes === null ? first : Math.max(smallest, this.#bytes / 4);
  }

  /** One came whole. */
  came(): void {
    if (++this.#whole < enough || this.#bytes === null) return;
    this.#whole = 0;
    this.#bytes = this.#bytes >= largest ? null : this.#bytes * 2;
  }
}

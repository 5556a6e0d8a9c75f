/**
 * How many bytes to request at once: all of them, until a connection breaks before anything arrived. A connection that
 * always breaks after some amount can lose what it sent, but a smaller piece arrives complete.
 */
const first = 64 * 1024;
const smallest = 8 * 1024;
const largest = 1024 * 1024;
/** pieces that must arrive before a larger size is tried */
const piecesBeforeGrowth = 16;

export class Pieces {
  #bytes: number | null = null;
  #whole = 0;

  /** Bytes to request; null for all that are left. */
  get next(): number | null {
    return this.#bytes;
  }

  /** The last request failed before any data arrived. */
  broke(): void {
    this.#whole = 0;
    this.#bytes = this.#bytes === null ? first : Math.max(smallest, this.#bytes / 4);
  }

  /** A piece arrived complete. */
  came(): void {
    if (++this.#whole < piecesBeforeGrowth || this.#bytes === null) return;
    this.#whole = 0;
    this.#bytes = this.#bytes >= largest ? null : this.#bytes * 2;
  }
}

/**
 * The queue of one channel. What has to wait is copied together: a view would keep the whole chunk alive that it came
 * in, and a million frames of one byte a million objects, far more than the credit that bounds the bytes.
 */

const smallest = 4096;
const largest = 64 * 1024;

export class ChannelQueue {
  /** items that came in, and items that were taken; for telling when all before some point was taken */
  received = 0;
  taken = 0;
  /** null is EOF */
  #items: (Uint8Array | null)[] = [];
  /** the memory behind the last item, when it is ours and has room */
  #room: Uint8Array | null = null;

  get size(): number {
    return this.#items.length;
  }

  /** @param waits false: it is shifted at once, so it needs no copy */
  push(data: Uint8Array, waits: boolean): void {
    if (!waits && this.#items.length === 0) this.#append(data);
    else if (!this.#extendLast(data)) this.#appendCopy(data);
  }

  pushEof(): void {
    this.#append(null);
  }

  /** undefined when nothing waits */
  shift(): Uint8Array | null | undefined {
    const item = this.#items.shift();
    if (this.#items.length === 0) this.#room = null;
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#room = null;
  }

  #append(item: Uint8Array | null): void {
    this.#items.push(item);
    this.#room = null;
    this.received++;
  }

  #extendLast(data: Uint8Array): boolean {
    const last = this.#items.at(-1);
    if (!this.#room || !last || this.#room.length - last.length < data.length) return false;
    this.#room.set(data, last.length);
    this.#items[this.#items.length - 1] = this.#room.subarray(0, last.length + data.length);
    return true;
  }

  #appendCopy(data: Uint8Array): void {
    const room = Buffer.allocUnsafeSlow(data.length < smallest ? smallest : Math.max(largest, data.length));
    room.set(data);
    this.#append(room.subarray(0, data.length));
    this.#room = room;
  }
}

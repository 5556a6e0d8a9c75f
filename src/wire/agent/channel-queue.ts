/**
 * The receive queue of one channel. Waiting data is copied into shared buffers: a view would keep its whole chunk alive,
 * and a million one-byte frames would cost a million objects, far more memory than the credit allows.
 */

const smallest = 4096;
const largest = 64 * 1024;

export class ChannelQueue {
  /** counts of items: all items before the n-th have been taken when `taken` is n */
  received = 0;
  taken = 0;
  /** null is EOF */
  #items: (Uint8Array | null)[] = [];
  /** the buffer that holds the last item, when we allocated it and it has free space */
  #room: Uint8Array | null = null;

  get size(): number {
    return this.#items.length;
  }

  push(data: Uint8Array): void {
    if (!this.#extendLast(data)) this.#appendCopy(data);
  }

  pushEof(): void {
    this.#append(null);
  }

  /** undefined when the queue is empty */
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

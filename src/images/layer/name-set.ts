/**
 * A set of names that takes 8 bytes for each: a 64-bit hash. Names that collide count as one; the random seed prevents
 * collisions on purpose.
 */
import { randomBytes } from "node:crypto";

export class NameSet {
  readonly #seed = new Uint32Array(new Uint8Array(randomBytes(8)).buffer);
  #slots = new Uint32Array(2 * 1024);
  #size = 0;
  #low = 0;
  #high = 0;

  get size(): number {
    return this.#size;
  }

  has(name: string): boolean {
    this.#hash(name);
    return this.#find(this.#slots) < 0;
  }

  /** False if it was in the set already. */
  add(name: string): boolean {
    this.#hash(name);
    const free = this.#find(this.#slots);
    if (free < 0) return false;
    this.#put(this.#slots, free);
    this.#size++;
    if (this.#size * 3 > this.#slots.length) this.#grow();
    return true;
  }

  /** Two 32-bit hashes in one pass (FNV-1a and a multiplicative one), mixed at the end; never both 0. */
  #hash(name: string): void {
    let low = (this.#seed[0] as number) ^ 0x811c9dc5;
    let high = this.#seed[1] as number;
    for (let i = 0; i < name.length; i++) {
      const code = name.charCodeAt(i);
      low = Math.imul(low ^ code, 0x01000193);
      high = Math.imul((high << 13) ^ (high >>> 19) ^ code, 0x9e3779b1);
    }
    this.#low = mixed(low ^ (high >>> 7)) || 1;
    this.#high = mixed(high ^ (low >>> 11));
  }

  /** Index of the free slot for the current hash, or -1 if the hash is present. */
  #find(slots: Uint32Array): number {
    const mask = slots.length / 2 - 1;
    for (let at = this.#high & mask; ; at = (at + 1) & mask) {
      const low = slots[2 * at];
      if (low === 0) return at;
      if (low === this.#low && slots[2 * at + 1] === this.#high) return -1;
    }
  }

  #put(slots: Uint32Array, at: number): void {
    slots[2 * at] = this.#low;
    slots[2 * at + 1] = this.#high;
  }

  #grow(): void {
    const old = this.#slots;
    const slots = new Uint32Array(2 * old.length);
    for (let at = 0; at < old.length; at += 2) {
      if (old[at] === 0) continue;
      this.#low = old[at] as number;
      this.#high = old[at + 1] as number;
      this.#put(slots, this.#find(slots));
    }
    this.#slots = slots;
  }
}

function mixed(hash: number): number {
  let value = hash ^ (hash >>> 16);
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  value = Math.imul(value, 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** How many TCP connections there may be. Pure. */
import type { Source } from "./sources.ts";

/** Guests can't take the host's own. A query over TCP is rare: it takes an answer that is too long for UDP, or a user who asks for it. */
const limits = { guest: { each: 4, all: 64 }, host: { each: 64, all: 64 } };

export class Connections {
  readonly #open: { source: Source; address: string }[] = [];

  /** Null when that is one too many; else what to call at its end. */
  take(source: Source, address: string): (() => void) | null {
    if (source === "elsewhere") return null;
    const { each, all } = limits[source];
    const alike = this.#open.filter((one) => one.source === source);
    if (alike.length >= all || alike.filter((one) => one.address === address).length >= each) return null;
    const taken = { source, address };
    this.#open.push(taken);
    return () => {
      const index = this.#open.indexOf(taken);
      if (index >= 0) this.#open.splice(index, 1);
    };
  }
}

/**
 * Mirrors of a registry, asked in their order before it, without anybody's credentials. What a digest names can be
 * checked, whoever sends it; what a tag means is believed, as containerd and docker do: the user's own config names
 * the mirror. One that fails, whatever the reason, is not asked again: the registry is there.
 */
import type { Part } from "../../artifacts/download.ts";
import { isError } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import type { Received } from "./client.ts";

export interface Mirror {
  manifest(which: { tag: string } | { digest: Digest }, signal: AbortSignal): Promise<Received>;
  part(digest: Digest, from: number, signal: AbortSignal): Promise<Part>;
}

export class Mirrors {
  readonly #usable: Set<Mirror>;

  constructor(mirrors: readonly Mirror[]) {
    this.#usable = new Set(mirrors);
  }

  /** Null when none has it. */
  manifest(which: { tag: string } | { digest: Digest }, signal: AbortSignal): Promise<Received | null> {
    return this.#first(signal, (mirror) => mirror.manifest(which, signal));
  }

  /** Null when none has it. */
  part(digest: Digest, from: number, signal: AbortSignal): Promise<Part | null> {
    return this.#first(signal, async (mirror) => {
      const part = await mirror.part(digest, from, signal);
      return { ...part, distrust: () => void this.#usable.delete(mirror) };
    });
  }

  async #first<T>(signal: AbortSignal, ask: (mirror: Mirror) => Promise<T>): Promise<T | null> {
    for (const mirror of this.#usable) {
      try {
        return await ask(mirror);
      } catch (error) {
        signal.throwIfAborted();
        // it has not got this one: no failure
        if (!isError(error, "REGISTRY_NOT_FOUND")) this.#usable.delete(mirror);
      }
    }
    return null;
  }
}

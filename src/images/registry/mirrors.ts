/**
 * Mirrors of a registry, tried in order before it, without any credentials. Content named by a digest is verified,
 * whoever sends it; the mirror is trusted to resolve tags, as in containerd and docker, because the user configured it.
 * A mirror that fails for any reason is not tried again: the registry is still there.
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

  /** Null if no mirror has it. */
  manifest(which: { tag: string } | { digest: Digest }, signal: AbortSignal): Promise<Received | null> {
    return this.#first(signal, (mirror) => mirror.manifest(which, signal));
  }

  /** Null if no mirror has it. */
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
        // a missing manifest or blob is not a failure
        if (!isError(error, "REGISTRY_NOT_FOUND")) this.#usable.delete(mirror);
      }
    }
    return null;
  }
}

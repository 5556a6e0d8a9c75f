/**
 * Files whose content was compared with their digest. Reading a layer takes a second, so it is done once per state of a
 * file: `contentStamp` changes with it.
 */
import type { Digest } from "../base/names.ts";
import { contentStamp, sha256File } from "../host/files/files.ts";

export class VerifiedFiles {
  readonly #stamps = new Map<string, string>();

  /**
   * What is wrong with the content of an existing file, as the end of a sentence; null if nothing is.
   * @param again read it even if it was read before: a disk can lose a bit without anyone writing to it
   */
  async problem(path: string, digest: Digest, again = false): Promise<string | null> {
    const problem = async () => {
      const found = await sha256File(path);
      return found === digest ? null : `has the digest ${found} instead of ${digest}`;
    };
    return this.problemBy(path, [path], problem, again);
  }

  /** Records a file that was just made or compared. */
  async trust(path: string): Promise<void> {
    this.#stamps.set(path, await contentStamp(path));
  }

  /** True if the file was trusted or verified before and not modified since; false if it is missing. */
  async isTrusted(path: string): Promise<boolean> {
    const known = this.#stamps.get(path);
    return known !== undefined && known === (await contentStamp(path).catch(() => null));
  }

  /** As `problem`, for several files that `read` checks. @param name of all of them together */
  async problemBy(
    name: string,
    files: readonly string[],
    read: () => Promise<string | null>,
    again = false,
  ): Promise<string | null> {
    const stamp = (await Promise.all(files.map(contentStamp))).join(" ");
    if (!again && this.#stamps.get(name) === stamp) return null;
    const problem = await read();
    if (problem === null) this.#stamps.set(name, stamp);
    else this.#stamps.delete(name);
    return problem;
  }
}

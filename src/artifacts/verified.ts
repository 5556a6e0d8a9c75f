/**
 * Files that were read and held to their digest. Reading a layer takes a second, so it is done once for each state of a
 * file: `contentStamp` tells when there is another one.
 */
import type { Digest } from "../base/names.ts";
import { contentStamp, sha256File } from "../host/files/files.ts";

export class VerifiedFiles {
  readonly #stamps = new Map<string, string>();

  /**
   * What is wrong with the content of a file that is there, as the end of a sentence; null: nothing.
   * @param again read it even when it was read before: a disk may have lost a bit without anybody writing to it
   */
  async problem(path: string, digest: Digest, again = false): Promise<string | null> {
    const problem = async () => {
      const found = await sha256File(path);
      return found === digest ? null : `has the digest ${found} instead of ${digest}`;
    };
    return this.problemBy(path, [path], problem, again);
  }

  /** A file that was just made, or compared with what it should be. */
  async trust(path: string): Promise<void> {
    this.#stamps.set(path, await contentStamp(path));
  }

  /** It was trusted or found right before, and was not written to since; false for one that is missing. */
  async isTrusted(path: string): Promise<boolean> {
    const known = this.#stamps.get(path);
    return known !== undefined && known === (await contentStamp(path).catch(() => null));
  }

  /** The same of several files, by whatever reads them. @param name of all together */
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

/** When a template's files may be removed: not while a start copies them or passes them to a VMM. */
import type { Digest } from "../../base/names.ts";

export class TemplateFiles {
  /** how many starts use each, and what is called when none does any more */
  readonly #users = new Map<Digest, { count: number; free: PromiseWithResolvers<void> }>();
  readonly #removals = new Map<Digest, Promise<void>>();

  /** They stay until what is returned is disposed of. */
  use(key: Digest): Disposable {
    const users = this.#users.get(key) ?? { count: 0, free: Promise.withResolvers<void>() };
    users.count += 1;
    this.#users.set(key, users);
    return {
      [Symbol.dispose]: () => {
        users.count -= 1;
        if (users.count > 0) return;
        this.#users.delete(key);
        users.free.resolve();
      },
    };
  }

  /** Removes them once they are unused. A start must not await this: it may be the one that uses them. */
  remove(key: Digest, work: () => Promise<void>): Promise<void> {
    const before = this.#removals.get(key);
    const removal = (async () => {
      await before?.catch(() => {});
      await this.#users.get(key)?.free.promise;
      await work();
    })();
    this.#removals.set(key, removal);
    const over = () => {
      if (this.#removals.get(key) === removal) this.#removals.delete(key);
    };
    removal.then(over, over);
    return removal;
  }

  /** Resolves when files that were to be removed are, and others may take their place. */
  async removed(key: Digest): Promise<void> {
    await this.#removals.get(key)?.catch(() => {});
  }
}

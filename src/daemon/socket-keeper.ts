/**
 * Keeps the daemon's socket in its place: it is bound under a temporary name and renamed, so that a client that sees it can
 * connect; it is made again when it or its folder is removed (logout clears `$XDG_RUNTIME_DIR` while VMs run).
 */
import { fail } from "../base/errors/error.ts";
import type { Logger } from "../host/log.ts";

export type Listener = { stopListening(): void; close(): Promise<void> };

/** What the keeper needs from the host. */
export type SocketWorld = {
  /** Listens at a path that does not exist yet. */
  listen(path: string): Promise<Listener>;
  ensureFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Identifies the socket file, to notice a replacement; null if there is none. */
  identityOf(path: string): Promise<string | null>;
  /** Whether the path is something other than a socket. */
  isForeign(path: string): Promise<boolean>;
  /** Calls back at any change in the folder, or in the nearest folder above it that exists. */
  watch(folder: string, onChange: () => void): { close(): void };
};

export class SocketKeeper {
  readonly #path: string;
  readonly #world: SocketWorld;
  readonly #log: Logger;
  /** the newest last; older ones only serve their existing connections */
  readonly #listeners: Listener[] = [];
  #identity: string | null = null;
  #watch: { close(): void } | null = null;
  #working: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(path: string, world: SocketWorld, log: Logger) {
    this.#path = path;
    this.#world = world;
    this.#log = log;
  }

  /**
   * Resolves once clients can connect. Replaces the socket of a dead daemon.
   * @throws FILE_INVALID for anything else at the path, which stays
   */
  async open(): Promise<void> {
    await this.#bind();
    this.#rewatch();
  }

  /** Removes the socket if it is still ours; existing connections stay open. */
  async retreat(): Promise<void> {
    this.#closed = true;
    this.#watch?.close();
    await this.#working;
    for (const listener of this.#listeners) listener.stopListening();
    if ((await this.#world.identityOf(this.#path)) === this.#identity) await this.#world.remove(this.#path);
  }

  /** Removes the socket, and closes every connection. */
  async close(): Promise<void> {
    await this.retreat();
    await Promise.all(this.#listeners.map((listener) => listener.close()));
  }

  async #bind(): Promise<void> {
    const folder = this.#path.slice(0, this.#path.lastIndexOf("/"));
    // as long as the final name: both fit the limit of socket paths, or neither
    const temporary = `${this.#path.slice(0, -1)}~`;
    await this.#world.ensureFolder(folder);
    if (await this.#world.isForeign(this.#path)) {
      throw fail("FILE_INVALID", {
        path: this.#path,
        problem: "is at the path of the daemon's socket, and is not a socket",
      });
    }
    await this.#world.remove(temporary);
    const listener = await this.#world.listen(temporary);
    await this.#world.rename(temporary, this.#path);
    this.#identity = await this.#world.identityOf(this.#path);
    this.#listeners.push(listener);
  }

  #rewatch(): void {
    this.#watch?.close();
    const folder = this.#path.slice(0, this.#path.lastIndexOf("/"));
    this.#watch = this.#world.watch(folder, () => {
      this.#working = this.#working.then(() => this.#check());
    });
  }

  async #check(): Promise<void> {
    if (this.#closed || (await this.#world.identityOf(this.#path)) === this.#identity) return;
    try {
      await this.#bind();
      this.#log.info("the socket was gone, it was made again", { path: this.#path });
    } catch (error) {
      this.#log.info("the socket is gone and can't be made again yet", { path: this.#path, why: String(error) });
    }
    if (!this.#closed) this.#rewatch();
  }
}

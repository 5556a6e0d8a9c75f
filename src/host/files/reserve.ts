/** A file that reserves space: on a full disk its blocks are released, so that other things can be deleted. */
import * as fs from "node:fs";
import { rename, rm } from "node:fs/promises";
import { isDiskFull, isTaken } from "./files.ts";
import { takeRoom } from "./room.ts";

const reserveBytes = 8 * 1024 * 1024;

export class Reserve {
  readonly #path: string;
  readonly #bytes: number;

  constructor(path: string, bytes = reserveBytes) {
    this.#path = path;
    this.#bytes = bytes;
  }

  /** Gives its space back to the file system. False when it had none. */
  release(): boolean {
    try {
      fs.unlinkSync(this.#path);
      return true;
    } catch {
      return false;
    }
  }

  /** Reserves the space again if there is enough; completely or not at all. */
  async refill(): Promise<void> {
    if (fs.existsSync(this.#path)) return;
    const temp = `${this.#path}.new`;
    try {
      await takeRoom(temp, this.#bytes);
      await rename(temp, this.#path);
    } catch (error) {
      // another call is refilling it
      if (isTaken(error)) return;
      await rm(temp, { force: true });
      if (!isDiskFull(error)) throw error;
    }
  }

  /** Removes what an earlier process left unfinished. Call it before the first `refill`. */
  async tidy(): Promise<void> {
    await rm(`${this.#path}.new`, { force: true });
  }
}

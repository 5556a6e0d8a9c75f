/**
 * The memory to which a clone's dirty pages must be added. Firecracker counts them from the load, and anew from each save: so it is
 * the file that was loaded, and later the last save's. Firecracker has the former open as long as it runs, whoever deletes it, and this
 * process has the latter; a new daemon has none. (A hard link would change the ctime of a file that others start from: `isUntouched`.)
 */
import { exists } from "../../host/files/files.ts";
import { type HeldFile, holdFile, holdOpenFile } from "../../host/files/held-file.ts";
import { makeEmpty } from "../../host/files/new-file.ts";
import type { FirecrackerPaths } from "./paths.ts";
import type { FirecrackerRecord } from "./record.ts";

export class DirtyBase {
  readonly #record: FirecrackerRecord;
  readonly #mark: string;
  #held: HeldFile | null = null;
  #isClosed = false;

  constructor(record: FirecrackerRecord, { recounted }: FirecrackerPaths) {
    this.#record = record;
    this.#mark = recounted;
  }

  /** Null: it is not known, so only a whole save is complete. */
  async find(): Promise<string | null> {
    const { process, saving } = this.#record;
    if (saving.loaded === undefined) return null;
    if (!this.#held && !(await exists(this.#mark))) this.#held = await holdOpenFile(process.pid, saving.loaded);
    if (this.#isClosed) await this.#letGo();
    return this.#held && (await this.#held.isUntouched()) ? this.#held.path : null;
  }

  /** Before Firecracker is asked for a save: whatever becomes of it or of this process, the present base may not be right any more. */
  async drop(): Promise<void> {
    if (this.#record.saving.loaded === undefined) return;
    if (!(await exists(this.#mark))) await makeEmpty(this.#mark);
    await this.#letGo();
  }

  /** After a save. @param memory its file */
  async keep(memory: string): Promise<void> {
    if (this.#record.saving.loaded === undefined) return;
    // without it the next save is whole
    this.#held = await holdFile(memory).catch(() => null);
    if (this.#isClosed) await this.#letGo();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#letGo();
  }

  async #letGo(): Promise<void> {
    const held = this.#held;
    this.#held = null;
    await held?.close();
  }
}

/** The files in which the host keeps what was sent to each VM (`Sent`), by the VM's id: another VM of the same name has another one. */
import type { VmId } from "../../base/names.ts";
import {
  ensureFolder,
  listFolder,
  modifiedAt,
  readTextIfAny,
  removeTree,
  writeAtomic,
} from "../../host/files/files.ts";
import { parseSent, type Sent, sentText } from "./sent.ts";

/** VMs are deleted without this user's CLI, too; of more records than this the oldest go. */
const mostRecords = 500;
const maxBytes = 256 * 1024 * 1024;

export class SentRecords {
  readonly #folder: string;
  readonly #most: number;

  constructor(folder: string, most = mostRecords) {
    this.#folder = folder;
    this.#most = most;
  }

  async write(id: VmId, sent: Sent): Promise<void> {
    await ensureFolder(this.#folder);
    await writeAtomic(this.#at(id), sentText(sent));
    await this.#removeOldest();
  }

  /** Null when nothing was sent to that VM, or the file is damaged. */
  async read(id: VmId): Promise<Sent | null> {
    const text = await readTextIfAny(this.#at(id), maxBytes);
    return text === null ? null : parseSent(text);
  }

  /** For a fork, which has the files of its VM. */
  async copy(from: VmId, to: readonly VmId[]): Promise<void> {
    const sent = await this.read(from);
    if (sent !== null) for (const id of to) await this.write(id, sent);
  }

  async remove(id: VmId): Promise<void> {
    await removeTree(this.#at(id));
  }

  #at(id: VmId): string {
    return `${this.#folder}/${id}.json`;
  }

  async #removeOldest(): Promise<void> {
    const names = (await listFolder(this.#folder)).filter((name) => name.endsWith(".json"));
    if (names.length <= this.#most) return;
    const dated = await Promise.all(
      names.map(async (name) => ({ name, at: (await modifiedAt(`${this.#folder}/${name}`)) ?? 0 })),
    );
    const old = dated.toSorted((a, b) => a.at - b.at).slice(0, names.length - this.#most);
    for (const { name } of old) await removeTree(`${this.#folder}/${name}`);
  }
}

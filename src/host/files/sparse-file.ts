/** A large file made of pieces at known places: what is not written is a hole, which reads as zeros. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";

export interface SparseFile {
  /** Writes all of `bytes`, which must not change until this resolves. */
  writeAt(offset: number, bytes: Uint8Array): Promise<void>;
  /** gives the file its name; nothing is synced */
  finish(): Promise<void>;
  /** Closes and removes it, whether it has its name yet or not. Idempotent. */
  abort(): Promise<void>;
}

/** A file of `bytes`, mode 0600, under a temporary name until it is finished. */
export async function makeSparseFile(path: string, bytes: number): Promise<SparseFile> {
  const temp = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  const file = await fs.open(temp, "wx", 0o600);
  let name = temp;
  let isOpen = true;
  const close = async () => {
    if (isOpen) {
      isOpen = false;
      await file.close();
    }
  };
  const sparse: SparseFile = {
    async writeAt(offset, data) {
      for (let at = 0; at < data.length; )
        at += (await file.write(data, at, data.length - at, offset + at)).bytesWritten;
    },
    async finish() {
      await close();
      await fs.rename(temp, path);
      name = path;
    },
    async abort() {
      await close();
      await fs.rm(name, { force: true });
    },
  };
  try {
    await file.truncate(bytes);
    return sparse;
  } catch (error) {
    await sparse.abort();
    throw error;
  }
}

/** A file of holes, mode 0600. @throws EEXIST when it already exists; on failure nothing is left */
export async function makeHoles(path: string, bytes: number): Promise<void> {
  const file = await fs.open(path, "wx", 0o600);
  try {
    await file.truncate(bytes);
  } catch (error) {
    await fs.rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

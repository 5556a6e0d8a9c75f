/** Reading and changing bytes in the middle of a file. */
import * as fs from "node:fs/promises";

export interface RandomAccess {
  /** @throws RangeError when the file ends before */
  readAt(offset: number, length: number): Promise<Uint8Array>;
  writeAt(offset: number, bytes: Uint8Array): Promise<void>;
}

/** Opens an existing file, hands it to `use`, and closes it. Nothing is synced. */
export async function withRandomAccess<T>(path: string, use: (file: RandomAccess) => Promise<T>): Promise<T> {
  const file = await fs.open(path, "r+");
  try {
    return await use({
      async readAt(offset, length) {
        const buffer = Buffer.alloc(length);
        const { bytesRead } = await file.read(buffer, 0, length, offset);
        if (bytesRead < length) throw new RangeError(`${path} ends before ${offset + length}`);
        return buffer;
      },
      async writeAt(offset, bytes) {
        await file.write(bytes, 0, bytes.length, offset);
      },
    });
  } finally {
    await file.close();
  }
}

/** Reads and writes bytes in the middle of a file. */
import * as fs from "node:fs/promises";

export interface RandomAccess {
  /** @throws RangeError when the file ends before that */
  readAt(offset: number, length: number): Promise<Uint8Array>;
  writeAt(offset: number, bytes: Uint8Array): Promise<void>;
}

/** Opens an existing file, passes it to `use`, and closes it. Nothing is synced. */
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

/** A file open for reading; `close` it. */
export interface OpenFile {
  /** size in bytes when it was opened */
  readonly size: number;
  /** @throws RangeError when the file ends before that */
  readAt(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export async function openForRead(path: string): Promise<OpenFile> {
  const file = await fs.open(path, "r");
  const { size } = await file.stat();
  return {
    size,
    async readAt(offset, length) {
      const buffer = Buffer.allocUnsafeSlow(length);
      const { bytesRead } = await file.read(buffer, 0, length, offset);
      if (bytesRead < length) throw new RangeError(`${path} ends before ${offset + length}`);
      return buffer;
    },
    close: () => file.close(),
  };
}

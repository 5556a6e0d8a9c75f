/** A file of unfinished work, written in pieces; it is not made durable and is lost with its folder. */
import * as fs from "node:fs/promises";

export interface ScratchFile {
  readonly path: string;
  write(chunk: Uint8Array): Promise<void>;
  /** idempotent */
  close(): Promise<void>;
}

/** @throws EEXIST when it already exists */
export async function makeScratchFile(path: string): Promise<ScratchFile> {
  const file = await fs.open(path, "wx", 0o600);
  let isOpen = true;
  return {
    path,
    async write(chunk) {
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    },
    async close() {
      if (isOpen) await file.close();
      isOpen = false;
    },
  };
}

/** A file that grows at its end, over several runs of the program. */
import * as fs from "node:fs/promises";

export interface AppendFile {
  write(chunk: Uint8Array): Promise<void>;
  /** to nothing */
  truncate(): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens or makes the file, mode 0600. @param from what is behind it is cut off */
export async function appendTo(path: string, from: number): Promise<AppendFile> {
  const file = await fs.open(path, "a", 0o600);
  await file.truncate(from);
  return {
    async write(chunk) {
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    },
    truncate: () => file.truncate(0),
    sync: () => file.sync(),
    close: () => file.close(),
  };
}

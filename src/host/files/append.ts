/** A file that is appended to, possibly by several runs of the program; only one program can have it open at a time. */
import * as fs from "node:fs/promises";
import { isMissing } from "../errno.ts";
import { flockNow } from "../libc.ts";

export interface AppendFile {
  readonly path: string;
  write(chunk: Uint8Array): Promise<void>;
  /** truncates the file to nothing */
  truncate(): Promise<void>;
  /** closes the file, so that others can open it */
  close(): Promise<void>;
}

/** Opens or creates the file, mode 0600. Null while another program has it open with this function: flock(2). */
export async function appendTo(path: string): Promise<AppendFile | null> {
  for (;;) {
    const file = await fs.open(path, "a", 0o600);
    if (!flockNow(file.fd)) {
      await file.close();
      return null;
    }
    // the previous holder may have renamed or removed the file before we got the lock
    if (await isStillThere(path, file)) return appendFile(path, file);
    await file.close();
  }
}

/** Whether the path still leads to the open file. */
export async function isStillThere(path: string, file: fs.FileHandle): Promise<boolean> {
  try {
    const [named, ours] = [await fs.stat(path), await file.stat()];
    return named.ino === ours.ino && named.dev === ours.dev;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function appendFile(path: string, file: fs.FileHandle): AppendFile {
  return {
    path,
    async write(chunk) {
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    },
    truncate: () => file.truncate(0),
    close: () => file.close(),
  };
}

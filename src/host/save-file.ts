/** Saving a stream as a user's file: under its name stands the old one or the whole new one. */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";

/** @throws the system's error; nothing is left then */
export async function saveFile(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const temp = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  // as the user's umask has it: it is theirs
  const file = await fs.open(temp, "wx");
  try {
    for await (const chunk of content) {
      for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten;
    }
    await file.sync();
    await file.close();
    await fs.rename(temp, path);
  } catch (error) {
    await file.close().catch(() => {});
    await fs.rm(temp, { force: true });
    throw error;
  }
}

/**
 * Saves a stream as a user's file: its name leads to the old file or to the complete new one. No other user can read it, whatever the
 * umask and the old file's mode: an exported image may contain secrets from a VM's disk.
 */
import { randomBytes } from "node:crypto";
import * as fs from "node:fs/promises";
import { fail } from "../../base/errors/error.ts";
import { errnoOf, isDiskFull } from "../errno.ts";

/** @throws DISK_FULL, FILE_INVALID, and what `content` throws; then nothing is left behind */
export async function saveFile(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const temp = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  const file = await fs.open(temp, "wx", 0o600).catch((error: unknown) => {
    throw unwritable(error, path);
  });
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
    throw unwritable(error, path);
  }
}

/** A system error as an error for users; anything else unchanged. */
export function unwritable(error: unknown, path: string): unknown {
  const code = errnoOf(error);
  if (code === undefined) return error;
  if (isDiskFull(error)) return fail("DISK_FULL", { path, during: "writing it" }, error);
  return fail("FILE_INVALID", { path, problem: `it can't be written (${code})`, next: "name another place" }, error);
}

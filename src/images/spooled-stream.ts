/** Spools a stream that can be read only once to a file, so that it can be read again. */
import { abortable } from "../artifacts/abortable.ts";
import { fail } from "../base/errors/error.ts";
import { ensureFolder, isDiskFull, readStream, removeTree, tempPath } from "../host/files/files.ts";
import { makeScratchFile } from "../host/files/scratch-file.ts";
import type { Paths } from "../model/paths.ts";
import { storingImage } from "./deps.ts";
import { TooLargeError } from "./layer/reading.ts";

/**
 * Calls `use` with a function that opens the stream any number of times; the file is removed afterwards.
 * @param bytes limit of its length @throws TooLargeError, DISK_FULL, and what `source` throws
 */
export async function withSpooledStream<T>(
  paths: Pick<Paths, "partial">,
  source: AsyncIterable<Uint8Array>,
  { bytes, signal }: { bytes: number; signal: AbortSignal },
  use: (open: () => AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  await ensureFolder(paths.partial);
  const path = tempPath(paths.partial, "stream");
  try {
    await keep(path, source, bytes, signal);
    return await use(() => readStream(path));
  } catch (error) {
    throw isDiskFull(error) ? fail("DISK_FULL", { path, during: storingImage }, error as Error) : error;
  } finally {
    await removeTree(path);
  }
}

async function keep(
  path: string,
  source: AsyncIterable<Uint8Array>,
  bytes: number,
  signal: AbortSignal,
): Promise<void> {
  const file = await makeScratchFile(path);
  try {
    let left = bytes;
    for await (const chunk of abortable(source, signal)) {
      left -= chunk.length;
      if (left < 0) throw new TooLargeError();
      await file.write(chunk);
    }
  } finally {
    await file.close();
  }
}

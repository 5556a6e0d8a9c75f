/** Reading logs that other processes write, to their end or as they grow. */
import { Deferred } from "../base/async.ts";
import { readStream, sizeOf, watchFile } from "../host/files/files.ts";
import type { LogFiles } from "./daemon.ts";

export const logFiles: LogFiles = { read, follow };

async function* read(path: string): AsyncGenerator<Uint8Array> {
  const size = await sizeIfAny(path);
  if (size > 0) yield* readStream(path, { from: 0, to: size });
}

async function* follow(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  let changed = new Deferred<void>();
  const wake = () => changed.resolve();
  const watch = watchFile(path, wake);
  signal.addEventListener("abort", wake, { once: true });
  let position = 0;
  try {
    while (!signal.aborted) {
      const size = await sizeIfAny(path);
      // the next start of a VM replaces its logs
      if (size < position) position = 0;
      if (size > position) {
        yield* readStream(path, { from: position, to: size });
        position = size;
        continue;
      }
      await changed.promise;
      changed = new Deferred<void>();
    }
  } finally {
    watch.close();
    signal.removeEventListener("abort", wake);
  }
}

function sizeIfAny(path: string): Promise<number> {
  return sizeOf(path).catch(() => 0);
}

/** Files that can be read only once, from the beginning: pipes, as `<(command)` makes them, sockets and terminals. */
import * as fs from "node:fs/promises";

const chunkBytes = 256 * 1024;

/** Whether reading a file consumes its content. False when it is missing. */
export async function isReadOnce(path: string): Promise<boolean> {
  const found = await fs.stat(path).catch(() => null);
  return found !== null && (found.isFIFO() || found.isSocket() || found.isCharacterDevice());
}

/** Whether the path is this process's stdin, under any of its names. */
export function isStdin(path: string): boolean {
  return ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].includes(path);
}

/** All of it. Waits for a writer of a named pipe. */
export async function* readOnce(path: string): AsyncGenerator<Uint8Array, void, void> {
  const file = await fs.open(path, "r");
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(chunkBytes);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

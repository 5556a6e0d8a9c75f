/** Files that can be read once, from their beginning on: pipes, as `<(command)` makes them, sockets and terminals. */
import * as fs from "node:fs/promises";

const chunkBytes = 256 * 1024;

/** Whether reading a file takes away what is in it. False where nothing is there. */
export async function isReadOnce(path: string): Promise<boolean> {
  const found = await fs.stat(path).catch(() => null);
  return found !== null && (found.isFIFO() || found.isSocket() || found.isCharacterDevice());
}

/** Its own stdin, under one of the names that the system has for it. */
export function isStdin(path: string): boolean {
  return ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].includes(path);
}

/** All of it. A named pipe that nobody writes to yet is waited for. */
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

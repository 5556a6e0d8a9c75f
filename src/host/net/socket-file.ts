/** A socket's file: distinguished from another file with its name, and watched for its removal. */
import { lstat, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { watchFolder } from "../files/folder-watch.ts";

/** Renames; nothing is made durable, because sockets don't outlive a boot. */
export function moveSocket(from: string, to: string): Promise<void> {
  return rename(from, to);
}

/** The same text for the same file; null when it is missing. */
export async function fileIdentity(path: string): Promise<string | null> {
  try {
    const { dev, ino, birthtimeNs } = await stat(path, { bigint: true });
    return `${dev}:${ino}:${birthtimeNs}`;
  } catch {
    return null;
  }
}

/** Whether something that is not a socket has that name. */
export async function isForeign(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  return found !== null && !found.isSocket();
}

/** Calls back at changes in `folder`, or, while it is missing, in the nearest existing folder above it. */
export function watchNearest(folder: string, onChange: () => void): { close(): void } {
  for (let place = folder; ; place = dirname(place)) {
    try {
      return watchFolder(place, () => onChange(), { persistent: false });
    } catch (error) {
      if (place === "/") throw error;
    }
  }
}

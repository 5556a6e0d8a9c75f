/** Files that can be read without their name: a process has them open, so they stay when they are renamed or deleted. */
import * as fs from "node:fs/promises";
import { contentStamp, listFolder } from "./files.ts";

export interface HeldFile {
  /** opens it in any process of this user (proc_pid_fd(5)) */
  readonly path: string;
  /** its `contentStamp` when it was opened */
  readonly stamp: string;
  /** whether nobody has written to it since then */
  isUntouched(): Promise<boolean>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Its blocks are freed when it is closed, if it was deleted before. @throws ENOENT, EMFILE */
export async function holdFile(path: string): Promise<HeldFile> {
  // opening a FIFO that was put there meanwhile does not wait
  const file = await fs.open(path, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK);
  const held = `/proc/${process.pid}/fd/${file.fd}`;
  const stamp = await contentStamp(held);
  let closing: Promise<void> | null = null;
  return {
    path: held,
    stamp,
    isUntouched: async () => (await contentStamp(held)) === stamp,
    close: () => (closing ??= file.close()),
  };
}

/** Holds the file with that `contentStamp` that a process has open; null: it has none, or can't be looked at. */
export async function holdOpenFile(pid: number, stamp: string): Promise<HeldFile | null> {
  const folder = `/proc/${pid}/fd`;
  for (const name of await listFolder(folder).catch(() => [])) {
    const path = `${folder}/${name}`;
    if ((await contentStamp(path).catch(() => null)) !== stamp) continue;
    const held = await holdFile(path).catch(() => null);
    // the process may have opened another one in its place
    if (held?.stamp === stamp) return held;
    await held?.close();
  }
  return null;
}

/** What the lock in a state folder says of the daemon that has it: a CLI with another runtime folder finds that daemon by it. */
import type { ByteStream } from "../base/bytes.ts";
import { readTextIfAny } from "../host/files/files.ts";
import { isLockedBy } from "../host/files/lock.ts";
import { processRef } from "../host/process/children.ts";
import { connectIfRunning, type DaemonPlace } from "./connect.ts";

export type LockHolder = { pid: number /** null: from a daemon that did not write it */; socket: string | null };

const maxBytes = 4096;

/** Null when nothing readable is there, its process has ended, or the file is a copy of that daemon's. What it says is a stranger's until the socket's owner is known. */
export async function lockHolder(lockFile: string): Promise<LockHolder | null> {
  const text = await readTextIfAny(lockFile, maxBytes).catch(() => null);
  const [first = "", second = ""] = (text ?? "").split("\n");
  const pid = Number(first);
  if (!Number.isSafeInteger(pid) || pid <= 0 || processRef(pid) === null) return null;
  if (!isLockedBy(lockFile, pid)) return null;
  return { pid, socket: second.startsWith("/") ? second : null };
}

/**
 * A connection to the daemon of this state folder, or null when none runs: at its usual place, or where the lock says that it
 * listens, since it may have been started with another XDG_RUNTIME_DIR, or without one. @throws as `connectIfRunning`
 */
export async function connectOwn(place: DaemonPlace): Promise<ByteStream | null> {
  const running = await connectIfRunning(place);
  if (running || place.foreign) return running;
  const elsewhere = (await lockHolder(place.lockFile))?.socket;
  return elsewhere && elsewhere !== place.socket ? connectIfRunning({ socket: elsewhere, foreign: false }) : null;
}

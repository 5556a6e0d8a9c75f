/** Reads the lock file of a state folder, by which a CLI with another runtime folder finds the daemon. */
import type { ByteStream } from "../base/bytes.ts";
import { readTextIfAny } from "../host/files/files.ts";
import { isLockedBy } from "../host/files/lock.ts";
import { processRef } from "../host/process/children.ts";
import { connectIfRunning, type DaemonPlace } from "./connect.ts";

export type LockHolder = { pid: number /** null: the daemon is too old to write it */; socket: string | null };

const maxBytes = 4096;

/** Null if the file is missing or invalid, its process has ended, or the file is a copy that is not locked. Not to be trusted until the owner of the socket is checked. */
export async function lockHolder(lockFile: string): Promise<LockHolder | null> {
  const text = await readTextIfAny(lockFile, maxBytes).catch(() => null);
  const [first = "", second = ""] = (text ?? "").split("\n");
  const pid = Number(first);
  if (!Number.isSafeInteger(pid) || pid <= 0 || processRef(pid) === null) return null;
  if (!isLockedBy(lockFile, pid)) return null;
  return { pid, socket: second.startsWith("/") ? second : null };
}

/**
 * Connects to the daemon of this state folder, at its usual socket or at the one in the lock file: it can have been started with
 * another XDG_RUNTIME_DIR, or without one. Null if none is running. @throws as `connectIfRunning`
 */
export async function connectOwn(place: DaemonPlace): Promise<ByteStream | null> {
  const running = await connectIfRunning(place);
  if (running || place.foreign || place.owner) return running;
  const elsewhere = (await lockHolder(place.lockFile))?.socket;
  return elsewhere && elsewhere !== place.socket ? connectIfRunning({ socket: elsewhere, foreign: false }) : null;
}

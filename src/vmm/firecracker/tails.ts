/** Firecracker's logs: the guest's console, its own log, and its standard error. */
import { lastLines } from "../../base/last-lines.ts";
import { sizeOf, tailBytes } from "../../host/files/files.ts";
import { freeStart } from "../../host/files/holes.ts";
import { readTails as readBoth } from "../logs.ts";
import type { FirecrackerPaths } from "./paths.ts";

const tailLength = 8 * 1024;
/** Bytes of its log that stay. */
const keptBytes = 1024 * 1024;
const limit = 4 * 1024 * 1024;

/** The last lines of each, without control characters. Empty for one that can't be read. */
export async function readTails(paths: FirecrackerPaths) {
  const [both, errors] = await Promise.all([
    readBoth(paths),
    tailBytes(paths.errors, tailLength).catch(() => new Uint8Array()),
  ]);
  return { ...both, errors: lastLines(errors, 5) };
}

/** It does not append to its log, so a cut one would have a hole in front: freeing blocks does the same. */
export async function freeLog(path: string): Promise<void> {
  if ((await sizeOf(path)) > limit) await freeStart(path, keptBytes);
}

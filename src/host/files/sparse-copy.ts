/** Copies a disk: blocks are shared if the file system can do that, else copied, with holes kept. */
import { spawn } from "node:child_process";
import { constants } from "node:fs";
import * as fs from "node:fs/promises";
import { errnoOf } from "../errno.ts";

/**
 * The runtime's own copy fills holes; so this uses a reflink, else `cp`, which keeps them. `to` is complete or missing.
 * @param onPlainCopy called when blocks can't be shared, with the number of bytes to copy
 */
export async function copySparse(from: string, to: string, onPlainCopy?: (bytes: number) => void): Promise<void> {
  try {
    await fs.copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    await fs.chmod(to, 0o600);
    return;
  } catch (error) {
    const code = errnoOf(error);
    if (code === "EEXIST" || code === "ENOENT" || code === "EACCES") throw error;
    await fs.rm(to, { force: true });
  }
  if (onPlainCopy) onPlainCopy((await fs.stat(from)).blocks * 512);
  await copyByTool(from, to);
}

/** `to` is a copy that shares its blocks with `from`, or is missing: then the file system can't do that. @throws ENOENT, ENOSPC */
export async function shareBlocks(from: string, to: string): Promise<boolean> {
  await fs.rm(to, { force: true });
  try {
    await fs.copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    await fs.chmod(to, 0o600);
    return true;
  } catch (error) {
    await fs.rm(to, { force: true });
    const code = errnoOf(error);
    if (code === "ENOENT" || code === "ENOSPC" || code === "EDQUOT") throw error;
    return false;
  }
}

function copyByTool(from: string, to: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn("cp", ["--reflink=auto", "--sparse=always", "--no-target-directory", "--", from, to], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C" },
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  child.on("error", reject);
  child.on("close", (code) => {
    if (code === 0) resolve();
    else void fs.rm(to, { force: true }).then(() => reject(copyError(said)), reject);
  });
  return promise;
}

function copyError(said: string): Error {
  const error = new Error(`cp: ${said.trim()}`);
  if (/No space left|quota exceeded/i.test(said)) Object.assign(error, { code: "ENOSPC" });
  else if (/No such file or directory/i.test(said)) Object.assign(error, { code: "ENOENT" });
  return error;
}

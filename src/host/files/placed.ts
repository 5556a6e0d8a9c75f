/** Programs, links and settings that an installer puts in place: each with what was there before, so that it can be put back. */
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, isMissing } from "../errno.ts";
import { exists, readStream, serialOf, sha256File, syncPath } from "./files.ts";

/** What is at a path; `other` is something that an installer must not touch. */
export type Found =
  | { kind: "nothing" }
  | { kind: "folder" }
  | { kind: "file"; text: string; mode: number }
  | { kind: "link"; target: string }
  | { kind: "other"; what: string };

/** @param maxText bytes; a longer file is `other` */
export async function lookAt(path: string, maxText: number): Promise<Found> {
  try {
    const facts = await fs.lstat(path);
    if (facts.isDirectory()) return { kind: "folder" };
    if (facts.isSymbolicLink()) return { kind: "link", target: await fs.readlink(path) };
    if (!facts.isFile()) return { kind: "other", what: "is neither a file nor a folder" };
    if (facts.size > maxText) return { kind: "other", what: `is longer than ${maxText} bytes` };
    return { kind: "file", text: await fs.readFile(path, "utf8"), mode: facts.mode & 0o7777 };
  } catch (error) {
    if (isMissing(error)) return { kind: "nothing" };
    throw error;
  }
}

/** Creates the folder and its parents with that mode, whatever the umask is. @returns whether it was not there */
export async function placeFolder(path: string, mode: number): Promise<boolean> {
  if (await exists(path)) return false;
  await placeFolder(dirname(path), 0o755);
  await fs.mkdir(path);
  await fs.chmod(path, mode);
  await syncPath(dirname(path));
  return true;
}

/** Puts a link in place in one step, whatever file or link was there. Durable. */
export async function placeLink(target: string, path: string): Promise<void> {
  const made = `${path}.new`;
  await fs.rm(made, { force: true });
  await fs.symlink(target, made);
  await fs.rename(made, path);
  await syncPath(dirname(path));
}

/** Copies a program, mode 0755. @returns sha256 in hex of what was copied. Durable when its folder is synced */
export async function placeProgram(from: string, to: string): Promise<string> {
  const hash = createHash("sha256");
  const file = await fs.open(to, "wx", 0o755);
  try {
    for await (const chunk of readStream(from)) {
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.chmod(0o755);
    await file.sync();
  } finally {
    await file.close();
  }
  return hash.digest("hex");
}

/** sha256 in hex, the same file read once however many names it has; null for one that can't be read. */
export async function hashesOf(paths: readonly string[]): Promise<(string | null)[]> {
  const known = new Map<string, Promise<string | null>>();
  return Promise.all(
    paths.map(async (path) => {
      const file = await serialOf(path).catch(() => path);
      const hash = known.get(file) ?? hashOf(path);
      known.set(file, hash);
      return hash;
    }),
  );
}

function hashOf(path: string): Promise<string | null> {
  return sha256File(path).then(
    (digest) => digest.slice("sha256:".length),
    () => null,
  );
}

/** The same file under a second name. */
export async function linkFile(existing: string, path: string): Promise<void> {
  await fs.link(existing, path);
}

/** Removes a file or link; a missing one is fine. Durable. */
export async function removePlaced(path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (error) {
    if (isMissing(error)) return;
    throw error;
  }
  await syncPath(dirname(path));
}

/** Removes a folder if it is empty. @returns whether it is gone */
export async function removeIfEmpty(path: string): Promise<boolean> {
  try {
    await fs.rmdir(path);
    return true;
  } catch (error) {
    if (isMissing(error)) return true;
    if (["ENOTEMPTY", "EEXIST", "ENOTDIR", "EBUSY"].includes(errnoOf(error) ?? "")) return false;
    throw error;
  }
}

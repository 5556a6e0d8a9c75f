/**
 * Opens a user's root file system or archive as one tar stream: from a file, a folder or stdin, with any compression.
 */

import { readHead } from "../../artifacts/read-head.ts";
import { quoteArgs } from "../../base/text.ts";
import { openSquashfs, SquashfsError } from "../../formats/squashfs/reader.ts";
import { isFolder, readStream, sizeOf } from "../../host/files/files.ts";
import { isReadOnce, isStdin, readOnce } from "../../host/files/once-file.ts";
import { openForRead } from "../../host/files/random-access.ts";
import { spawnPiped } from "../../host/process/children.ts";
import type { ToolCage } from "../../host/process/tool-cage.ts";
import { foreignEnd, foreignKind } from "../disk/foreign.ts";
import { DiskChanged, diskTar } from "../disk/send.ts";
import { ext4Problem, isExt4 } from "../disk/superblock.ts";
import { rootfsTar } from "../union/tar.ts";
import { Union } from "../union/union.ts";
import { nonTarKind } from "./not-a-tar.ts";
import { invalid, unpacked } from "./unpacked.ts";

export type Opened = {
  tar: AsyncIterable<Uint8Array>;
  source: string;
  /** the only member of the tar is a file system, not the first file of a tree */
  isDisk?: boolean;
  /** it can be read only once */
  isOnce?: boolean;
};

export type OpenOptions = {
  /** read for `-` */
  stdin: AsyncIterable<Uint8Array>;
  /** the user's id: only root can give files to others, so for anyone else everything becomes root's */
  uid: number;
  /** confines the programs that unpack xz and bzip2 */
  cage: ToolCage;
  signal: AbortSignal;
};

/** @throws FILE_INVALID */
export async function openRootfs(path: string, options: OpenOptions): Promise<Opened> {
  const again = "banger image register NAME --rootfs -";
  const once = await openOnce(path, again, options);
  if (once) return once;
  const source = `file ${path}`;
  if (await isFolder(path)) return { tar: folderTar(path, options), source: `folder ${path}` };
  const head = await headOf(path, foreignEnd);
  if (isSquashfs(head)) return { tar: squashfsTar(path), source };
  if (isExt4(head)) return { tar: await openDisk(path, head), source, isDisk: true };
  const foreign = foreignKind(head, path) ?? nonTarKind(head, path, again);
  if (foreign) throw invalid(path, `is ${foreign.what}`, foreign.next);
  return { tar: unpacked(readStream(path), { path, again }, options), source };
}

/** @throws FILE_INVALID */
export async function openArchive(path: string, options: OpenOptions): Promise<Opened> {
  const again = "banger image import -";
  const once = await openOnce(path, again, options);
  if (once) return once;
  if (await isFolder(path)) return { tar: folderTar(path, { ...options, uid: 0 }), source: `folder ${path}` };
  const head = await headOf(path, foreignEnd);
  if (isSquashfs(head) || isExt4(head)) {
    const next = `make an image of it: \`banger image register NAME --rootfs ${quoteArgs([path])}\``;
    throw invalid(path, "is a root file system, not an image archive", next);
  }
  const foreign = isTar(head) ? null : foreignKind(head, path);
  if (foreign) throw invalid(path, `is ${foreign.what}`, foreign.next);
  return { tar: unpacked(readStream(path), { path, again }, options), source: `file ${path}` };
}

/** Opens stdin or a named pipe; null for a file that can be read repeatedly. */
async function openOnce(path: string, again: string, options: OpenOptions): Promise<Opened | null> {
  const isPipe = path !== "-" && (await isReadOnce(path));
  if (path === "-" || (isPipe && isStdin(path))) {
    return { tar: unpacked(options.stdin, { path: "stdin", again }, options), source: "stdin", isOnce: true };
  }
  if (!isPipe) return null;
  return { tar: unpacked(readOnce(path), { path, again }, options), source: `pipe ${path}`, isOnce: true };
}

async function openDisk(path: string, head: Uint8Array): Promise<AsyncIterable<Uint8Array>> {
  const size = await sizeOf(path);
  if (size === 0) {
    const copy = `copy it into a file first: \`dd if=${path} of=root.ext4 bs=4M conv=sparse\``;
    throw invalid(path, "is not a regular file", copy);
  }
  const problem = ext4Problem(head, size);
  if (problem !== null) throw invalid(path, problem);
  return unchanging(path, diskTar(path));
}

async function* unchanging(path: string, tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* tar;
  } catch (error) {
    throw error instanceof DiskChanged ? invalid(path, "changed while it was being read", "unmount it first") : error;
  }
}

async function headOf(path: string, bytes: number): Promise<Uint8Array> {
  try {
    return await readHead(path, bytes);
  } catch (error) {
    const { code } = error as { code?: string };
    throw invalid(
      path,
      code === "ENOENT" ? "does not exist" : `can't be read (${code})`,
      "check its spelling and permissions",
    );
  }
}

/** Uses tar, which handles extended attributes, hard links and sparse files. */
async function* folderTar(path: string, { uid, signal }: OpenOptions): AsyncGenerator<Uint8Array, void, void> {
  const owners = uid === 0 ? [] : ["--owner=root:0", "--group=root:0"];
  const flags = [
    "--create",
    "--format=posix",
    "--numeric-owner",
    "--xattrs",
    "--xattrs-include=*",
    "--one-file-system",
  ];
  const pax = ["--pax-option=delete=atime,delete=ctime"];
  const tool = spawnPiped(["tar", ...flags, ...pax, ...owners, "-C", path, "-f", "-", "."], { signal });
  try {
    yield* tool.stdout;
    const ended = await tool.done;
    if (ended.exitCode !== 0) {
      const message = tool.stderrTail().trim().split("\n").at(-1) ?? "";
      throw invalid(path, `can't be read: ${message.slice(0, 300)}`, "run it as a user who can read all of it");
    }
  } finally {
    tool.kill("SIGKILL");
  }
}

async function* squashfsTar(path: string): AsyncGenerator<Uint8Array, void, void> {
  const file = await openForRead(path);
  try {
    const squashfs = await openSquashfs(file, file.size);
    const { mode, uid, gid, mtime } = squashfs.root;
    yield* rootfsTar(new Union([squashfs]), { mode, uid, gid, mtime });
  } catch (error) {
    throw error instanceof SquashfsError ? invalid(path, error.problem) : error;
  } finally {
    await file.close();
  }
}

function isSquashfs(head: Uint8Array): boolean {
  return startsWith(head, [0x68, 0x73, 0x71, 0x73]);
}

/** POSIX and GNU, uncompressed. */
function isTar(head: Uint8Array): boolean {
  return startsWith(head.subarray(257), [0x75, 0x73, 0x74, 0x61, 0x72]);
}

function startsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, at) => bytes[at] === byte);
}

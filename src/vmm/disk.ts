/** Data disks: sparse ext4 images, each a copy of a blank image that is made once per size. */
import { fail } from "../base/errors/error.ts";
import { which } from "../host/facts.ts";
import {
  contentStamp,
  copySparse,
  isDiskFull,
  openWrite,
  removeTree,
  rename,
  renameDurable,
  sizeOf,
  tempPath,
  truncateTo,
} from "../host/files/files.ts";
import type { Exec } from "../host/process/exec.ts";

export type DiskDeps = {
  exec: Exec;
  /** path of the blank disk of a size */
  blankDisk: (bytes: number) => string;
  /** folder for unfinished work, on the same file system as the blank disks */
  partial: string;
  /** content stamps of the blank disks that this process made, by path; any other may have been altered, and is made again */
  blanks: Map<string, string>;
};

/** Creates a blank data disk of `bytes` at `path`, completely or not at all. @throws DISK_FULL, TOOL_MISSING, TOOL_FAILED */
export async function createDataDisk(deps: DiskDeps, { bytes, path }: { bytes: number; path: string }): Promise<void> {
  const from = deps.blankDisk(bytes);
  if (!(await isOurs(deps, from))) {
    await makeBlank(deps, bytes, from);
    deps.blanks.set(from, await contentStamp(from));
  }
  await replaceByCopy({ from, path, bytes });
}

async function isOurs({ blanks }: DiskDeps, path: string): Promise<boolean> {
  const known = blanks.get(path);
  return known !== undefined && known === (await contentStamp(path).catch(() => null));
}

export type Copying = {
  from: string;
  path: string;
  /** minimum size: a shorter copy is extended */
  bytes: number;
  /** called when blocks can't be shared, with the bytes to copy */
  onPlainCopy?: ((bytes: number) => void) | undefined;
};

/** Replaces `path` by a copy of `from`, completely or not at all. @throws DISK_FULL */
export async function replaceByCopy({ from, path, bytes, onPlainCopy }: Copying): Promise<void> {
  const temp = `${path}.new`;
  try {
    await removeTree(temp);
    await copySparse(from, temp, onPlainCopy);
    if ((await sizeOf(temp)) < bytes) await truncateTo(temp, bytes);
    await rename(temp, path);
  } catch (error) {
    await removeTree(temp);
    throw isDiskFull(error) ? fail("DISK_FULL", { path, during: "making the VM's disk" }, error) : error;
  }
}

/** Two concurrent calls do the work twice; both results are the same, and the last rename wins. */
async function makeBlank(deps: DiskDeps, bytes: number, blank: string): Promise<void> {
  const program = await which("mkfs.ext4");
  if (program === null)
    throw fail("TOOL_MISSING", { tool: "mkfs.ext4", why: "to make data disks", install: "install e2fsprogs" });
  const temp = tempPath(deps.partial, "disk");
  try {
    await (await openWrite(temp)).close();
    await truncateTo(temp, bytes);
    const result = await deps.exec([program, ...mkfsOptions(bytes), temp], { timeoutMs: 60_000 });
    if (result.exitCode !== 0) throw mkfsFailed(new TextDecoder().decode(result.stderr), result, blank);
    await renameDurable(temp, blank);
  } catch (error) {
    await removeTree(temp);
    throw error;
  }
}

/** Bytes. Reserved blocks let the file system grow online up to this size; beyond that it grows by `meta_bg`. */
const growTo = 2 ** 40;
const blockBytes = 4096;

/**
 * Features are listed explicitly, so that every mke2fs makes the same file system, which Linux 4.18 and later can mount. Discard
 * stays on: it marks the inode tables as zeroed, so neither mke2fs nor the guest writes them. The journal is small and few
 * blocks are reserved for growing, as both take real space in every copy.
 */
function mkfsOptions(bytes: number): string[] {
  const features = [
    ...[
      "has_journal",
      "ext_attr",
      "resize_inode",
      "dir_index",
      "filetype",
      "extent",
      "64bit",
      "flex_bg",
      "sparse_super",
    ],
    ...["large_file", "huge_file", "dir_nlink", "extra_isize", "metadata_csum"],
  ];
  const resize = bytes < growTo ? [`resize=${growTo / blockBytes}`] : [];
  return [
    ...[
      "-q",
      "-F",
      "-t",
      "ext4",
      "-b",
      String(blockBytes),
      "-I",
      "256",
      "-m",
      "0",
      "-L",
      "banger-data",
      "-J",
      "size=16",
    ],
    ...["-O", ["none", ...features].join(",")],
    ...["-E", ["lazy_itable_init=1", "lazy_journal_init=1", "root_owner=0:0", ...resize].join(",")],
  ];
}

function mkfsFailed(stderr: string, result: { exitCode: number | null; signal: string | null }, path: string): Error {
  if (/No space left on device/.test(stderr)) return fail("DISK_FULL", { path, during: "formatting a blank disk" });
  const status = result.signal ?? `status ${result.exitCode}`;
  return fail("TOOL_FAILED", { tool: "mkfs.ext4", status, said: stderr.trim().split("\n").at(-1) ?? "" });
}

/** A user's own kernel as the tar stream of a kernel package: the image, its modules and its configuration. */

import { lastLine, statusText } from "../artifacts/tools.ts";
import { fail } from "../base/errors/error.ts";
import { trimEndOf } from "../base/trim.ts";
import { editTar, type TarAddition } from "../formats/tar/edit.ts";
import { endOfArchive } from "../formats/tar/writer.ts";
import { isFolder, readBytes } from "../host/files/files.ts";
import { spawnPiped } from "../host/process/children.ts";

export type OwnKernel = {
  /** a bzImage or an ELF kernel */
  image: string;
  /** the folder `lib/modules/RELEASE`; the last part is the release */
  modules?: string | undefined;
  /** the build's `.config` */
  config?: string | undefined;
};

const maxImage = 512 * 1024 * 1024;
const maxConfig = 4 * 1024 * 1024;

/** @throws FILE_INVALID for the files; the daemon checks the kernel itself */
export async function openOwnKernel(
  own: OwnKernel,
  signal: AbortSignal,
): Promise<{ tar: AsyncIterable<Uint8Array>; source: string }> {
  const image = await readOf(own.image, maxImage);
  const config = own.config === undefined ? null : await readOf(own.config, maxConfig);
  const release = own.modules === undefined ? "own" : releaseOf(own.modules);
  if (own.modules !== undefined && !(await isFolder(own.modules))) throw invalid(own.modules, "is not a folder");
  const additions = async function* (): AsyncGenerator<TarAddition, void, void> {
    yield fileOf(`boot/vmlinuz-${release}`, image);
    if (config) yield fileOf(`boot/config-${release}`, config);
  };
  const source = own.modules === undefined ? nothing() : modulesTar(own.modules, release, signal);
  return { tar: editTar(source, { drop: () => false, additions }), source: `file ${own.image}` };
}

async function readOf(path: string, maxBytes: number): Promise<Uint8Array> {
  return readBytes(path, maxBytes).catch((error: unknown) => {
    throw invalid(path, `can't be read: ${(error as Error).message.slice(0, 200)}`);
  });
}

function releaseOf(modules: string): string {
  const release = trimEndOf(modules, "/").split("/").at(-1) ?? "";
  if (!/^[0-9][\w.+~-]{0,63}$/.test(release)) {
    throw invalid(modules, "is not named after a kernel release, as in lib/modules/6.1.0-18-cloud-amd64");
  }
  return release;
}

async function* nothing(): AsyncGenerator<Uint8Array, void, void> {
  yield endOfArchive;
}

async function* modulesTar(
  folder: string,
  release: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  // links to the sources on the build host lead nowhere
  const flags = ["--exclude=./build", "--exclude=./source", "--owner=0", "--group=0", "--format=posix"];
  const rename = `--transform=s,^[.],lib/modules/${release},`;
  const tool = spawnPiped(["tar", "-C", folder, ...flags, rename, "-cf", "-", "."], { signal });
  try {
    yield* tool.stdout;
    const ended = await tool.done;
    if (ended.exitCode !== 0)
      throw invalid(folder, `tar exited with ${statusText(ended)}: ${lastLine(tool.stderrTail())}`);
  } finally {
    tool.kill("SIGKILL");
  }
}

function fileOf(name: string, content: Uint8Array): TarAddition {
  return {
    entry: { name, kind: "file", mode: 0o644, uid: 0, gid: 0, size: content.length, mtime: 0, link: "" },
    content,
  };
}

function invalid(path: string, problem: string): Error {
  return fail("FILE_INVALID", { path, problem, next: "check the path, or see `banger kernel import --help`" });
}

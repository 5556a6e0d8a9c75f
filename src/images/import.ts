/**
 * Stores a root file system: its tar stream is hashed, looked at and packed into a squashfs as it arrives, never
 * unpacked. Only a whole layer gets its final name.
 */
import { abortable } from "../artifacts/abortable.ts";
import { CountedStream } from "../artifacts/counted.ts";
import type { ArtifactDeps } from "../artifacts/deps.ts";
import { packingFailed, squashfsOptions } from "../artifacts/pack.ts";
import { giveRootToRoot } from "../artifacts/squashfs-root.ts";
import { TarError } from "../artifacts/tar/header.ts";
import { TarScanner } from "../artifacts/tar/scanner.ts";
import { orAborted } from "../base/async.ts";
import { fail } from "../base/errors/error.ts";
import { type Digest, parseImageName } from "../base/names.ts";
import { ensureFolder, removeTree, renameDurable, sizeOf, tempPath } from "../host/files.ts";
import { type PipedProcess, spawnPiped } from "../host/process.ts";
import { withRandomAccess } from "../host/random-access.ts";
import type { ImageRecord } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import { layerProblem } from "./check.ts";
import { RootfsFacts } from "./facts.ts";
import { emptyConfig, imageRecord } from "./record.ts";

export type RootfsUpload = { name: string; source: string; tar: AsyncIterable<Uint8Array> };

/** Bytes of one tar stream, and entries in it. */
export const limits = { bytes: 256 * 1024 ** 3, entries: 10_000_000 } as const;

/** sqfstar ignores the archive's own entry for its root and would let everybody write to it; `giveRootToRoot` needs `-noI`. */
const rootOptions = ["-root-mode", "755", "-noI"];

const during = "storing an image";

/**
 * @returns the record; the caller puts it into the store
 * @throws IMAGE_INVALID, IMAGE_NAME_INVALID, DISK_FULL, TOOL_MISSING, TOOL_FAILED, and whatever `upload.tar` throws;
 *   nothing is left behind then
 */
export async function importRootfs(
  deps: ArtifactDeps,
  upload: RootfsUpload,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const name = parseImageName(upload.name);
  const { paths } = deps;
  await Promise.all([ensureFolder(paths.partial), ensureFolder(paths.layers)]);
  const partial = tempPath(paths.partial, "layer");
  try {
    const { digest, facts } = await pack(upload, partial, emit, signal);
    await withRandomAccess(partial, giveRootToRoot);
    const bytes = await keep(partial, paths.layer(digest));
    const layers = [{ digest, bytes }];
    const { source } = upload;
    return imageRecord({ name, layers, init: facts.init, source, config: emptyConfig, createdAt: deps.now() });
  } finally {
    await removeTree(partial);
  }
}

/** @returns bytes of the layer, which may have been there before: then the new file is not needed */
async function keep(partial: string, path: string): Promise<number> {
  const bytes = await sizeOf(partial);
  if ((await layerProblem(path, bytes)) === null) return bytes;
  await renameDurable(partial, path);
  return bytes;
}

async function pack(
  upload: RootfsUpload,
  path: string,
  emit: Emit,
  signal: AbortSignal,
): Promise<{ digest: Digest; facts: RootfsFacts }> {
  signal.throwIfAborted();
  const facts = new RootfsFacts();
  const scanner = new TarScanner({ entry: (entry) => facts.see(entry), data() {}, padding() {} });
  const counted = new CountedStream(limits.bytes, (done) => {
    emit({ kind: "progress", step: "pack", text: "storing the root file system", done });
  });
  const look = (chunk: Uint8Array) => {
    scanner.push(chunk);
    if (!counted.add(chunk) || scanner.entries > limits.entries) throw new TarError("it is too large");
  };
  // Not ended by the signal but below: sqfstar does not always end at SIGTERM.
  const packer = spawnPiped(["sqfstar", ...squashfsOptions, ...rootOptions, path], { stdin: "pipe" });
  try {
    const scan = { look, isOver: () => scanner.ended };
    if (!(await feed(packer, upload.tar, scan, signal))) throw await failureOf(packer, path);
    scanner.finish();
    if (!facts.hasFiles) throw new TarError("it holds no files");
    packer.stdin.end();
    if ((await orAborted(endOf(packer), signal)).exitCode !== 0) throw await failureOf(packer, path);
  } catch (error) {
    packer.kill("SIGKILL");
    await packer.done;
    signal.throwIfAborted();
    if (error instanceof TarError) throw fail("IMAGE_INVALID", { name: upload.name, problem: error.problem }, error);
    throw error;
  }
  return { digest: counted.digest(), facts };
}

/**
 * False when the packer ended before it had everything: its status and its words say why, not the broken pipe. At the
 * archive's end marker it ends in order, and takes nothing of the padding that tar writes behind it.
 */
async function feed(
  packer: PipedProcess,
  tar: AsyncIterable<Uint8Array>,
  scan: { look(chunk: Uint8Array): void; isOver(): boolean },
  signal: AbortSignal,
): Promise<boolean> {
  for await (const chunk of abortable(tar, signal)) {
    const isPadding = scan.isOver();
    scan.look(chunk);
    if (isPadding) continue;
    const writing = packer.stdin.write(chunk).then(
      () => true,
      () => false,
    );
    if (!(await orAborted(writing, signal)) && !scan.isOver()) return false;
  }
  return true;
}

async function endOf(packer: PipedProcess): Promise<{ exitCode: number | null; signal: string | null }> {
  for await (const _ of packer.stdout);
  return packer.done;
}

async function failureOf(packer: PipedProcess, path: string): Promise<Error> {
  return packingFailed("sqfstar", await endOf(packer), packer.stderrTail(), path, during);
}

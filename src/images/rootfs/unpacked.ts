/** Unpacks a tar that may be compressed while it streams; its beginning is checked first. */
import { type Compression, CompressionError, compressionOf, decompressed } from "../../artifacts/decompress.ts";
import { statusText } from "../../artifacts/tools.ts";
import { fail } from "../../base/errors/error.ts";
import { blockSize, isHeader, isZeroBlock } from "../../formats/tar/header.ts";
import { spawnPiped } from "../../host/process/children.ts";
import type { ToolCage } from "../../host/process/tool-cage.ts";
import { foreignEnd, foreignKind } from "../disk/foreign.ts";
import { isExt4 } from "../disk/superblock.ts";
import { nonTarKind } from "./not-a-tar.ts";

/** The file to unpack, and the command that takes it unpacked. */
export type Packed = { path: string; again: string };

/** `cage`: confines the programs that unpack xz and bzip2. */
type Options = { cage: ToolCage; signal: AbortSignal };

/**
 * Unpacks gzip and zstd in this process, xz and bzip2 with their programs. @throws FILE_INVALID for anything but a tar
 */
export async function* unpacked(
  packed: AsyncIterable<Uint8Array>,
  { path, again }: Packed,
  options: Options,
): AsyncGenerator<Uint8Array, void, void> {
  const { head, all } = await beginningOf(packed, blockSize);
  if (head.length === 0) throw invalid(path, "is empty", "check the output of the program that should have written it");
  const foreign = nonTarKind(head, path, again);
  if (foreign) throw invalid(path, `is ${foreign.what}`, foreign.next);
  const compression = compressionOf(head);
  if (compression === null) yield* all;
  else if (compression === "xz" || compression === "bzip2") {
    yield* tarIn(byProgram(compression, all, path, options), compression, path);
  } else if (compression === "gzip") yield* tarIn(inProcess(all, path), compression, path);
  else yield* withEnd(tarIn(inProcess(all, path), compression, path), path);
}

/** The first `bytes` bytes, or fewer if the stream is shorter, and the whole stream including them. */
async function beginningOf(
  source: AsyncIterable<Uint8Array>,
  bytes: number,
): Promise<{ head: Uint8Array; all: AsyncGenerator<Uint8Array, void, void> }> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  for (let got = 0; got < bytes; ) {
    const next = await iterator.next();
    if (next.done) break;
    chunks.push(next.value);
    got += next.value.length;
  }
  const head = Buffer.concat(chunks);
  const all = (async function* () {
    try {
      if (head.length > 0) yield head;
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
  return { head, all };
}

/** The unpacked stream, if it is a tar. @throws FILE_INVALID naming what it is instead */
async function* tarIn(
  content: AsyncIterable<Uint8Array>,
  compression: NonNullable<Compression>,
  path: string,
): AsyncGenerator<Uint8Array, void, void> {
  const { head, all } = await beginningOf(content, foreignEnd);
  const what = otherThanTar(head, path, compression);
  if (what !== null) {
    await all.return();
    throw invalid(path, `its content is ${what}`, `unpack it first (\`${compression} -d\`) and check the result`);
  }
  yield* all;
}

/** Null if it can be a tar. */
function otherThanTar(head: Uint8Array, path: string, compression: Compression): string | null {
  // a damaged zstd stream may be empty too
  if (head.length === 0) return compression === "zstd" ? null : "empty";
  if (head.length >= blockSize && isHeader(head)) return null;
  if (startsWithText(head, "hsqs")) return "a squashfs file system";
  if (isExt4(head)) return "an ext4 file system";
  const packedAs = compressionOf(head);
  if (packedAs !== null) return `compressed with ${packedAs}`;
  const foreign = foreignKind(head, path) ?? nonTarKind(head, path, "");
  if (foreign) return foreign.what;
  return head.length >= blockSize && isZeroBlock(head) ? null : "not a tar archive";
}

function startsWithText(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes.subarray(0, text.length)).toString("latin1") === text;
}

async function* inProcess(packed: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* decompressed(packed);
  } catch (error) {
    throw error instanceof CompressionError ? invalid(path, `can't be unpacked: ${error.problem}`) : error;
  }
}

/**
 * The runtime's zstd treats damage as the end of the stream, so the tar in it must have its own end: two zero blocks.
 */
async function* withEnd(tar: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array, void, void> {
  let tail: Uint8Array = new Uint8Array();
  for await (const chunk of tar) {
    yield chunk;
    tail = chunk.length >= endBytes ? chunk.slice(-endBytes) : Buffer.concat([tail, chunk]).subarray(-endBytes);
  }
  if (tail.length === endBytes && tail.every((byte) => byte === 0)) return;
  throw invalid(path, "is cut short or damaged: the tar in it has no end marker");
}

const endBytes = 1024;

async function* byProgram(
  program: string,
  packed: AsyncIterable<Uint8Array>,
  path: string,
  { cage, signal }: Options,
): AsyncGenerator<Uint8Array, void, void> {
  const around = await cage.around(program, {});
  const tool = spawnPiped([program, "--decompress", "--stdout"], { stdin: "pipe", signal, cage: around });
  const feeding = (async () => {
    for await (const chunk of packed) await tool.stdin.write(chunk);
    tool.stdin.end();
  })();
  feeding.catch(() => {});
  try {
    yield* tool.stdout;
    const ended = await tool.done;
    if (ended.exitCode !== 0) throw invalid(path, `can't be unpacked: ${program} exited with ${statusText(ended)}`);
    await feeding;
  } finally {
    tool.kill("SIGKILL");
  }
}

/** @param next a hint */
export function invalid(path: string, problem: string, next = "check the file, or make it again"): Error {
  return fail("FILE_INVALID", { path, problem, next });
}

/**
 * Decompresses streams, detecting the format from the first bytes. In-process, which is faster than the gzip program.
 */
import { once } from "node:events";
import { constants, createGunzip, createZstdDecompress } from "node:zlib";

export type Compression = "gzip" | "zstd" | "xz" | "bzip2" | null;

const magics: [Exclude<Compression, null>, number[]][] = [
  ["gzip", [0x1f, 0x8b]],
  ["zstd", [0x28, 0xb5, 0x2f, 0xfd]],
  ["xz", [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ["bzip2", [0x42, 0x5a, 0x68]],
];

/** bytes that `compressionOf` needs */
const magicBytes = 6;

export function compressionOf(head: Uint8Array): Compression {
  if (isSkippable(head)) return "zstd";
  const found = magics.find(([, magic]) => magic.every((byte, at) => head[at] === byte));
  return found?.[0] ?? null;
}

/**
 * A skippable frame, which can come before zstd's own, as in pzstd's output (RFC 8878, 3.1.2): 0x184D2A50 to
 * 0x184D2A5F.
 */
function isSkippable(head: Uint8Array): boolean {
  return ((head[0] ?? 0) & 0xf0) === 0x50 && [0x2a, 0x4d, 0x18].every((byte, at) => head[at + 1] === byte);
}

/** A compressed stream that can't be unpacked. `problem` is a clause. */
export class CompressionError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(problem);
    this.name = "CompressionError";
    this.problem = problem;
  }
}

const chunkSize = 256 * 1024;
/** limit of a zstd stream's window, in the decoder's memory (RFC 8878 asks for 8 MiB; `zstd --ultra` makes 128) */
const windowLog = { [constants.ZSTD_d_windowLogMax]: 27 };

/**
 * Decompresses gzip and zstd, passes plain data through, and refuses other formats. The runtime's zstd treats a cut or
 * damaged frame as the end of the stream: callers check a digest, or tar's end marker.
 * @throws CompressionError
 */
export async function* decompressed(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    const head = await headOf(iterator);
    const rest = continued(head, iterator);
    const compression = compressionOf(head);
    if (compression === null) yield* rest;
    else if (compression === "gzip") yield* through(createGunzip({ chunkSize }), rest);
    else if (compression === "zstd") yield* through(createZstdDecompress({ chunkSize, params: windowLog }), rest);
    else throw new CompressionError(`it is compressed with ${compression}`);
  } finally {
    await iterator.return?.();
  }
}

async function headOf(iterator: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  let head: Uint8Array = new Uint8Array();
  while (head.length < magicBytes) {
    const next = await iterator.next();
    if (next.done) break;
    head = head.length === 0 ? next.value : Buffer.concat([head, next.value]);
  }
  return head;
}

async function* continued(
  head: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield head;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value;
}

type Unpacker = ReturnType<typeof createGunzip>;

async function* through(unpacker: Unpacker, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  let failure: unknown;
  const feeding = feed(unpacker, source).catch((error: unknown) => {
    failure = error;
    unpacker.destroy(error as Error);
  });
  try {
    for await (const chunk of unpacker) yield chunk as Uint8Array;
  } catch (error) {
    throw failure ?? new CompressionError(problemIn((error as Error).message));
  } finally {
    unpacker.destroy();
    await feeding;
  }
  if (failure) throw failure;
}

function problemIn(message: string): string {
  if (/too much memory/.test(message))
    return "it was packed with a window of more than 128 MiB (`zstd --long` of more than 27)";
  return `its compressed data is damaged: ${message}`;
}

/** Stops early if the reader is gone. */
async function feed(unpacker: Unpacker, source: AsyncIterable<Uint8Array>): Promise<void> {
  const closed = once(unpacker, "close").catch(() => {});
  for await (const chunk of source) {
    if (unpacker.destroyed) return;
    if (!unpacker.write(chunk)) await Promise.race([once(unpacker, "drain").catch(() => {}), closed]);
  }
  if (!unpacker.destroyed) unpacker.end();
}

/**
 * Receives a disk as the only member of a tar stream and writes it as a sparse file. Only its superblock is inspected.
 */
import { abortable } from "../../artifacts/abortable.ts";
import { readHead } from "../../artifacts/read-head.ts";
import { BangerError, fail } from "../../base/errors/error.ts";
import { TarError } from "../../formats/tar/header.ts";
import { TarScanner, type TarSink } from "../../formats/tar/scanner.ts";
import { ensureFolder, isDiskFull, sizeOf, tempPath } from "../../host/files/files.ts";
import { openSparseWriter, type SparseWriter } from "../../host/files/sparse-writer.ts";
import type { Emit } from "../../model/event.ts";
import { type ImageDeps, storingImage } from "../deps.ts";
import { TooLargeError } from "../layer/reading.ts";
import { refusing } from "../refusal.ts";
import { ext4Problem, superblockEnd } from "./superblock.ts";

export type DiskUpload = { name: string; tar: AsyncIterable<Uint8Array> };

/** largest file size: holes cost nothing, but no file system is larger than this */
const maxBytes = 64 * 1024 ** 4;
/** bytes of headers, hole maps and padding */
const maxHeaders = 64 * 1024 ** 2;
const reportEvery = 16 * 1024 ** 2;

/**
 * @returns the file, which the caller removes @throws IMAGE_INVALID, IMAGE_TOO_LARGE, DISK_FULL, and what the stream
 * throws
 */
export async function receiveDisk(
  { paths, budget }: Pick<ImageDeps, "paths" | "budget">,
  { name, tar }: DiskUpload,
  emit: Emit,
  signal: AbortSignal,
): Promise<string> {
  const limits = await budget();
  await ensureFolder(paths.partial);
  const path = tempPath(paths.partial, "disk");
  const file = await openSparseWriter(path);
  try {
    await refusing(name, limits, async () => {
      await writeDown(abortable(tar, signal), file, limits.bytes, emit);
      await file.close();
      const problem = ext4Problem(await readHead(path, superblockEnd), await sizeOf(path));
      if (problem !== null) throw new TarError(`it ${problem}`);
    });
    return path;
  } catch (error) {
    await file.abort();
    if (error instanceof BangerError || !isDiskFull(error)) throw error;
    throw fail("DISK_FULL", { path, during: storingImage }, error);
  }
}

async function writeDown(tar: AsyncIterable<Uint8Array>, file: SparseWriter, limit: number, emit: Emit): Promise<void> {
  const writing = new Writing(file, limit + maxHeaders);
  let reported = 0;
  for await (const chunk of tar) {
    await writing.push(chunk);
    if (writing.stored > limit) throw new TooLargeError();
    if (writing.stored - reported < reportEvery) continue;
    reported = writing.stored;
    emit({ kind: "progress", step: "disk", text: "receiving the disk", done: reported });
  }
  await writing.finish();
}

class Writing {
  readonly #file: SparseWriter;
  readonly #scanner: TarScanner;
  /** parsed from the current chunk: data, or the length of a hole */
  #waiting: (Uint8Array | number)[] = [];
  #entries = 0;
  /** bytes of data so far */
  stored = 0;

  constructor(file: SparseWriter, bytes: number) {
    this.#file = file;
    const sink: TarSink = {
      entry: ({ kind, size }) => {
        if (kind !== "file" || ++this.#entries > 1) throw new TarError("it is not a single disk");
        if (size > maxBytes) throw new TooLargeError();
      },
      data: (chunk) => {
        this.stored += chunk.length;
        this.#waiting.push(chunk);
      },
      hole: (bytes) => void this.#waiting.push(bytes),
      padding: () => {},
    };
    this.#scanner = new TarScanner(sink, { entries: 2, bytes });
  }

  async push(chunk: Uint8Array): Promise<void> {
    this.#scanner.push(chunk);
    for (const part of this.#waiting.splice(0)) {
      if (typeof part === "number") this.#file.hole(part);
      else await this.#file.write(part);
    }
  }

  async finish(): Promise<void> {
    this.#scanner.finish();
    if (this.#entries === 0) throw new TarError("it contains no disk");
  }
}

/**
 * A plan as one tar stream. Memory use is a few chunks. A file is sent with the size that it has when its turn comes; a file that has
 * disappeared is left out, one that shrinks while it is read ends the stream with an error.
 */
import { fail } from "../base/errors/error.ts";
import { endOfArchive, padding } from "../formats/tar/writer.ts";
import { type OpenEntry, openBeneath } from "../host/files/tree.ts";
import { showPath } from "./names.ts";
import type { SentFiles } from "./pull/sent.ts";
import { tarHeader } from "./tar.ts";
import type { EntrySource, PlanEntry, WorkspacePlan } from "./types.ts";

/** The outcome of streaming; `vanished`: files of the plan that are no longer on disk. */
export type StreamReport = {
  /** bytes of content so far */
  onProgress?: (bytes: number) => void;
  onVanished?: (path: string) => void;
};

const chunkSize = 256 * 1024;

/** The consumer owns each chunk. @throws WORKSPACE_COPY, WORKSPACE_GIT, WORKSPACE_INCOMPLETE */
export async function* workspaceTar(
  plan: Pick<WorkspacePlan, "prepare" | "entries" | "git"> & Partial<Pick<WorkspacePlan, "sent">>,
  report: StreamReport = {},
): AsyncGenerator<Uint8Array, void, void> {
  // missing history is reported before anything is copied
  await plan.prepare();
  const writer = new ChunkWriter(plan.sent?.taken ?? null);
  let done = 0;
  const progress = (bytes: number) => {
    done += bytes;
    report.onProgress?.(done);
  };
  for (const entry of plan.entries) yield* writer.entry(entry, progress, report.onVanished);
  yield* writer.take();
  for await (const entry of plan.git()) yield* writer.entry(entry, progress, report.onVanished);
  yield* writer.put(endOfArchive);
  yield* writer.take();
}

/** Collects small pieces into large chunks. */
class ChunkWriter {
  readonly #sent: SentFiles | null;
  #chunk = Buffer.allocUnsafe(chunkSize);
  #used = 0;

  constructor(sent: SentFiles | null) {
    this.#sent = sent;
  }

  *entry(
    entry: PlanEntry,
    progress: (bytes: number) => void,
    onVanished?: (path: string) => void,
  ): Generator<Uint8Array, void, void> {
    const { source } = entry;
    if (source.kind === "none") {
      if (entry.kind === "link") this.#sent?.link(entry);
      return yield* this.put(tarHeader(entry, 0));
    }
    if (source.kind === "bytes") {
      yield* this.put(tarHeader(entry, source.data.length));
      yield* this.put(source.data);
      return yield* this.#pad(source.data.length);
    }
    const file = openSource(entry, source);
    if (file === null) return onVanished?.(showPath(entry.path));
    try {
      const { size } = file.info;
      // files of `.git` are read from copies, and have the time of the original
      const { mtimeNs } = entry.origin === "git" ? entry : file.info;
      yield* this.put(tarHeader({ ...entry, mtimeNs }, size));
      yield* this.#copy(file, size, entry, progress);
      yield* this.#pad(size);
    } finally {
      file.close();
    }
  }

  *put(data: Uint8Array): Generator<Uint8Array, void, void> {
    for (let at = 0; at < data.length; ) {
      const part = data.subarray(at, at + chunkSize - this.#used);
      this.#chunk.set(part, this.#used);
      this.#used += part.length;
      at += part.length;
      if (this.#used === chunkSize) yield* this.take();
    }
  }

  /** The bytes collected so far. */
  *take(): Generator<Uint8Array, void, void> {
    if (this.#used === 0) return;
    const full = this.#chunk.subarray(0, this.#used);
    this.#chunk = Buffer.allocUnsafe(chunkSize);
    this.#used = 0;
    yield full;
  }

  /** Exactly `size` bytes of the file: what was appended since it was opened is not read. */
  *#copy(
    file: OpenEntry,
    size: number,
    entry: PlanEntry,
    progress: (bytes: number) => void,
  ): Generator<Uint8Array, void, void> {
    const sent = this.#sent?.begin(entry, size);
    for (let left = size; left > 0; ) {
      const space = this.#chunk.subarray(this.#used, this.#used + Math.min(left, chunkSize - this.#used));
      const got = readSome(file, space, entry.path);
      sent?.update(space.subarray(0, got));
      left -= got;
      this.#used += got;
      progress(got);
      if (this.#used === chunkSize) yield* this.take();
    }
    sent?.end();
  }

  *#pad(size: number): Generator<Uint8Array, void, void> {
    yield* this.put(padding(size));
  }
}

type FileSource = Extract<EntrySource, { kind: "disk" | "opened" }>;

function openSource(entry: PlanEntry, source: FileSource): OpenEntry | null {
  try {
    return source.kind === "opened" ? source.open() : openBeneath(source.root, source.path);
  } catch (error) {
    throw copyError(entry.path, error instanceof Error ? error.message : String(error), error);
  }
}

function readSome(file: OpenEntry, space: Uint8Array, path: string): number {
  let got: number;
  try {
    got = file.read(space);
  } catch (error) {
    throw copyError(path, error instanceof Error ? error.message : String(error), error);
  }
  if (got === 0) throw copyError(path, "it shrank while it was read");
  return got;
}

function copyError(path: string, problem: string, cause?: unknown) {
  return fail("WORKSPACE_COPY", { path: showPath(path), problem }, cause);
}

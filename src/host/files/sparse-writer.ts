/** A new file that is written from beginning to end, with holes in place of zeros. */
import * as fs from "node:fs/promises";

export interface SparseWriter {
  write(chunk: Uint8Array): Promise<void>;
  hole(bytes: number): void;
  /** Gives the file its whole length, even if it ends in a hole. Nothing is synced. */
  close(): Promise<void>;
  /** closes and removes it; harmless after `finish` */
  abort(): Promise<void>;
}

const block = 4096;
const zeros = new Uint8Array(block);

/** Mode 0600. @throws EEXIST when it already exists */
export async function openSparseWriter(path: string): Promise<SparseWriter> {
  const file = await fs.open(path, "wx", 0o600);
  let at = 0;
  return {
    async write(chunk) {
      for (const { from, to } of dataRuns(chunk)) {
        for (let next = from; next < to; ) next += (await file.write(chunk, next, to - next, at + next)).bytesWritten;
      }
      at += chunk.length;
    },
    hole(bytes) {
      at += bytes;
    },
    async close() {
      await file.truncate(at);
      await file.close();
    },
    async abort() {
      await file.close().catch(() => {});
      await fs.rm(path, { force: true });
    },
  };
}

/** The parts of a chunk that are not zero, in blocks. */
function dataRuns(chunk: Uint8Array): { from: number; to: number }[] {
  const runs: { from: number; to: number }[] = [];
  for (let from = 0; from < chunk.length; from += block) {
    const to = Math.min(chunk.length, from + block);
    if (Buffer.compare(chunk.subarray(from, to), zeros.subarray(0, to - from)) === 0) continue;
    const last = runs.at(-1);
    if (last?.to === from) last.to = to;
    else runs.push({ from, to });
  }
  return runs;
}

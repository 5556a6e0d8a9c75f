/** A new file that is written from its beginning to its end, with holes where nothing but zeros would be. */
import * as fs from "node:fs/promises";

export interface SparseWriter {
  write(chunk: Uint8Array): Promise<void>;
  hole(bytes: number): void;
  /** The file has its whole length, also when it ends in a hole. Nothing is synced. */
  close(): Promise<void>;
  /** closes and removes it; fine when it is closed */
  abort(): Promise<void>;
}

const block = 4096;
const zeros = new Uint8Array(block);

/** Mode 0600. @throws EEXIST when there is one already */
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

/** What of a chunk is not zeros, in steps of a block. */
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

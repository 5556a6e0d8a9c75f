/** Receives the stream of a VM that is being saved: pages go to the memory file, the rest is device state. */
import type { ByteStream } from "../../base/bytes.ts";
import { MigrationStreamError, type SplitPlan, splitMigration } from "../../wire/qmp/migration-stream.ts";
import { maxStateBytes } from "../save-files.ts";
import { PageRuns, type WriteAt } from "./page-runs.ts";

/** bytes that wait for the disk before QEMU is paused */
const maxBacklog = 8 * 1024 * 1024;

/**
 * Reads `stream` to its end. On failure it is destroyed.
 * @returns the device state, when all pages are written
 * @throws MigrationStreamError, the system's error
 */
export function split(stream: ByteStream, plan: SplitPlan, writeAt: WriteAt): Promise<Uint8Array> {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
  const runs = new PageRuns(plan.memoryBytes, writeAt);
  const state = new StateParts();
  const parser = splitMigration(plan, {
    page: (offset, page) => runs.page(offset, page),
    zeroPage: (offset) => runs.zeroPage(offset),
    rest: (bytes) => state.add(bytes),
  });
  let isOver = false;
  const attempt = (act: () => void) => {
    try {
      if (!isOver) act();
    } catch (error) {
      give(error);
    }
  };
  const give = (error: unknown) => {
    isOver = true;
    stream.destroy();
    reject(error);
  };
  stream.onData((chunk) =>
    attempt(() => {
      parser.push(chunk);
      if (runs.backlog <= maxBacklog) return;
      stream.pause();
      runs.written().then(() => stream.resume(), give);
    }),
  );
  stream.onEnd(() =>
    attempt(() => {
      parser.end();
      isOver = true;
      stream.destroy();
      runs.finish().then(() => resolve(state.joined()), reject);
    }),
  );
  stream.onClose(() => attempt(() => give(new MigrationStreamError("it was cut short"))));
  return promise;
}

class StateParts {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  add(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (this.#length > maxStateBytes) throw new MigrationStreamError("the devices' state is too long");
    // not slice(): on a Buffer it returns a view
    this.#parts.push(new Uint8Array(bytes));
  }

  joined(): Uint8Array {
    return Buffer.concat(this.#parts);
  }
}

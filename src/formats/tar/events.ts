/** A tar stream as a pull-based sequence of events. */
import { type TarEntry, TarError } from "./header.ts";
import { type TarEnd, type TarLimits, TarScanner } from "./scanner.ts";

export type TarEvent =
  | { kind: "entry"; entry: TarEntry; head: readonly Uint8Array[] }
  | { kind: "data"; chunk: Uint8Array }
  | { kind: "padding"; chunk: Uint8Array };

type Hole = { kind: "hole"; bytes: number };

const zeros = new Uint8Array(64 * 1024);

export type EventLimits = TarLimits & { /** default `marker` */ end?: TarEnd };

/**
 * Yields every event of `source` in order, and reads on only as fast as it is consumed. A hole in a sparse file is
 * yielded as `data`, piece by piece, and counts with its full length. The source is closed when a limit is exceeded.
 * @throws TarError
 */
export async function* tarEvents(
  source: AsyncIterable<Uint8Array>,
  { end, ...limits }: EventLimits,
): AsyncGenerator<TarEvent, void, void> {
  let events: (TarEvent | Hole)[] = [];
  const sink = {
    entry: (entry: TarEntry, head: readonly Uint8Array[]) => void events.push({ kind: "entry", entry, head }),
    data: (chunk: Uint8Array) => void events.push({ kind: "data", chunk }),
    hole: (bytes: number) => void events.push({ kind: "hole", bytes }),
    padding: (chunk: Uint8Array) => void events.push({ kind: "padding", chunk }),
  };
  const scanner = new TarScanner(sink, limits);
  let holes = 0;
  for await (const chunk of source) {
    scanner.push(chunk);
    for (const event of events) {
      if (event.kind === "hole") {
        holes += event.bytes;
        if (holes > limits.bytes) throw new TarError("it is too large");
        yield* zerosOf(event.bytes);
      } else yield event;
    }
    events = [];
  }
  scanner.finish(end);
}

function* zerosOf(bytes: number): Generator<TarEvent, void, void> {
  for (let left = bytes; left > 0; left -= zeros.length) yield { kind: "data", chunk: zeros.subarray(0, left) };
}

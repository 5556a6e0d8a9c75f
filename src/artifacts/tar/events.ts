/** A tar stream as a sequence of events, for readers that pull. */
import type { TarEntry } from "./header.ts";
import { TarScanner } from "./scanner.ts";

export type TarEvent =
  | { kind: "entry"; entry: TarEntry; head: readonly Uint8Array[] }
  | { kind: "data"; chunk: Uint8Array }
  | { kind: "padding"; chunk: Uint8Array };

/**
 * Every event of `source` in order; reads on only as the reader does. What follows the end marker is read and dropped.
 * @throws TarError
 */
export async function* tarEvents(source: AsyncIterable<Uint8Array>): AsyncGenerator<TarEvent, void, void> {
  let events: TarEvent[] = [];
  const scanner = new TarScanner({
    entry: (entry, head) => events.push({ kind: "entry", entry, head }),
    data: (chunk) => events.push({ kind: "data", chunk }),
    padding: (chunk) => events.push({ kind: "padding", chunk }),
  });
  for await (const chunk of source) {
    scanner.push(chunk);
    yield* events;
    events = [];
  }
  scanner.finish();
}

/** Edits a root file system's tar as it streams: drops entries, and adds others at its end. */
import type { TarEntry } from "./header.ts";
import { plainName } from "./names.ts";
import { type TarLimits, TarScanner } from "./scanner.ts";
import { encodeHeader, endOfArchive, padding } from "./writer.ts";

export type TarAddition = { entry: TarEntry; content?: AsyncIterable<Uint8Array> | Uint8Array };

export type TarEdits = {
  /** called with each entry; the name has no leading `./` */
  drop(name: string, entry: TarEntry): boolean;
  /** called at the end of the source; parent folders must exist by then */
  additions(): AsyncIterable<TarAddition>;
};

/** Limits for a root file system that a user makes on this host. */
const limits: TarLimits = { entries: 10_000_000, bytes: 1024 ** 4 };

/** @throws TarError if the source is not a valid tar stream */
export async function* editTar(
  source: AsyncIterable<Uint8Array>,
  edits: TarEdits,
): AsyncGenerator<Uint8Array, void, void> {
  const out = new Slices();
  let dropping = false;
  const pass = (chunk: Uint8Array) => {
    if (!dropping) out.add(chunk);
  };
  const sink = {
    entry: (entry: TarEntry, head: readonly Uint8Array[]) => {
      dropping = edits.drop(plainName(entry.name), entry);
      head.forEach(pass);
    },
    data: pass,
    padding: pass,
  };
  const scanner = new TarScanner(sink, limits);
  for await (const chunk of source) {
    scanner.push(chunk);
    yield* out.take();
  }
  scanner.finish();
  for await (const addition of edits.additions()) yield* encodeAddition(addition);
  yield endOfArchive;
}

async function* encodeAddition({ entry, content }: TarAddition): AsyncGenerator<Uint8Array, void, void> {
  yield encodeHeader(entry);
  let bytes = 0;
  if (content instanceof Uint8Array) {
    bytes = content.length;
    yield content;
  } else if (content) {
    for await (const chunk of content) {
      bytes += chunk.length;
      yield chunk;
    }
  }
  if (bytes !== entry.size) throw new Error(`${entry.name} was declared with ${entry.size} bytes but has ${bytes}`);
  yield padding(bytes);
}

/** Merges adjacent views of one buffer, to yield few large chunks. */
class Slices {
  #slices: Uint8Array[] = [];

  add(slice: Uint8Array): void {
    const last = this.#slices.at(-1);
    if (last && last.buffer === slice.buffer && last.byteOffset + last.length === slice.byteOffset) {
      this.#slices[this.#slices.length - 1] = new Uint8Array(
        last.buffer as ArrayBuffer,
        last.byteOffset,
        last.length + slice.length,
      );
    } else if (slice.length > 0) this.#slices.push(slice);
  }

  take(): Uint8Array[] {
    const taken = this.#slices;
    this.#slices = [];
    return taken;
  }
}

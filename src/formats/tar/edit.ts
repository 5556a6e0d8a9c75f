/** Changes a root file system's tar as it streams by: entries are dropped, others are added at its end. */
import type { TarEntry } from "./header.ts";
import { plainName } from "./names.ts";
import { type TarLimits, TarScanner } from "./scanner.ts";
import { encodeHeader, endOfArchive, padding } from "./writer.ts";

export type TarAddition = { entry: TarEntry; content?: AsyncIterable<Uint8Array> | Uint8Array };

export type TarEdits = {
  /** called with each entry; its name is given without `./` in front */
  drop(name: string, entry: TarEntry): boolean;
  /** asked for once the source is through; parents must be there already */
  additions(): AsyncIterable<TarAddition>;
};

/** A root file system that a person makes on this host. */
const limits: TarLimits = { entries: 10_000_000, bytes: 1024 ** 4 };

/** @throws TarError when the source is no sound tar stream */
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
  if (bytes !== entry.size) throw new Error(`${entry.name} was announced with ${entry.size} bytes and has ${bytes}`);
  yield padding(bytes);
}

/** Views of one buffer that lie side by side become one again, so that few large chunks go on. */
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

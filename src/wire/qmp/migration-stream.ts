/**
 * Splits QEMU's migration stream as it arrives: pages of guest memory go one way, everything else another. The rest is a
 * valid stream by itself, which leaves guest memory as it is. The format is that of QEMU's `migration/savevm.c` and
 * `migration/ram.c` with the capability `x-ignore-shared`. The sender is not trusted: everything is checked, and buffers are
 * limited.
 */
import { type ByteParser, pull } from "../../base/byte-parser.ts";

export const pageBytes = 4096;

export type SplitSink = {
  /** `page` is valid only during the call */
  page(offset: number, page: Uint8Array): void;
  /** a page of zeros, which can be a hole in the file */
  zeroPage(offset: number): void;
  /** `bytes` are valid only during the call */
  rest(bytes: Uint8Array): void;
};

export type SplitPlan = {
  /** size of guest memory in bytes */
  memoryBytes: number;
  /** whether the stream has its pages: not when guest memory is shared with a file */
  hasPages: boolean;
};

/** A malformed stream; the message is the problem. */
export class MigrationStreamError extends Error {}

/** Call `push` for each chunk, then `end`. Both throw MigrationStreamError, and what the sink throws. */
export function splitMigration(plan: SplitPlan, sink: SplitSink): ByteParser {
  return pull(
    () => new Split(plan, sink).stream(),
    (problem) => new MigrationStreamError(problem),
  );
}

const magic = 0x5145564d;
const version = 3;
const Section = { Start: 1, Part: 2, End: 3, Subsection: 5, Configuration: 7, Command: 8, Footer: 0x7e } as const;
const Flag = { Zero: 0x02, MemSize: 0x04, Page: 0x08, Eos: 0x10, Continue: 0x20 } as const;

/** Times that a page can be sent: once by a stopped VM, more often by a running one that changes it. */
const maxRounds = 8;
const maxBlocks = 64;
const maxName = 255;
const maxCapabilities = 64;

type Reading<T = void> = Generator<number, T, Buffer>;

class Split {
  readonly #plan: SplitPlan;
  readonly #sink: SplitSink;
  /** sizes of the memory blocks in bytes; `#main` names the guest's */
  readonly #blocks = new Map<string, number>();
  #main = "";
  /** the block of the last page */
  #block = "";
  #ramSection = -1;
  #pages = 0;

  constructor(plan: SplitPlan, sink: SplitSink) {
    this.#plan = plan;
    this.#sink = sink;
  }

  *stream(): Reading {
    if ((yield* this.#word()) !== magic) throw broken("wrong magic number");
    const found = yield* this.#word();
    if (found !== version) throw broken(`version ${found}`);
    let type = yield* this.#byte();
    if (type === Section.Configuration) type = yield* this.#configuration();
    while (type !== Section.End) {
      if (type === Section.Start) yield* this.#start();
      else if (type === Section.Part) yield* this.#pagesOf();
      else if (type === Section.Command) yield* this.#command();
      else throw broken(`a section of type ${type} before the end of memory`);
      type = yield* this.#byte();
    }
    yield* this.#pagesOf();
    // device sections have no length field, and their content doesn't matter here
    for (;;) this.#sink.rest(yield 0);
  }

  /** The machine's name, then subsections. @returns the type of what follows */
  *#configuration(): Reading<number> {
    yield* this.#copied(yield* this.#counted(maxName));
    for (;;) {
      const type = yield* this.#byte();
      if (type !== Section.Subsection) return type;
      const name = yield* this.#name();
      yield* this.#word();
      if (name === "configuration/capabilities") yield* this.#capabilities();
      else if (name === "configuration/target-page-bits") yield* this.#word();
      else throw broken(`a subsection ${JSON.stringify(name)} of the configuration`);
    }
  }

  *#capabilities(): Reading {
    const count = yield* this.#counted(maxCapabilities);
    for (let at = 0; at < count; at++) yield* this.#name();
  }

  *#command(): Reading {
    const head = yield 4;
    this.#sink.rest(head);
    yield* this.#copied(head.readUInt16BE(2));
  }

  *#start(): Reading {
    const section = yield* this.#word();
    const name = yield* this.#name();
    yield* this.#copied(8);
    if (name !== "ram" || this.#ramSection !== -1) throw broken(`a live section ${JSON.stringify(name)}`);
    this.#ramSection = section;
    yield* this.#records();
    yield* this.#footer();
  }

  *#pagesOf(): Reading {
    const section = yield* this.#word();
    if (section !== this.#ramSection) throw broken(`section ${section} was not started`);
    if (this.#main === "") throw broken("pages before the list of memory blocks");
    yield* this.#records();
    yield* this.#footer();
  }

  *#footer(): Reading {
    if ((yield* this.#byte()) !== Section.Footer) throw broken("a section without a footer");
    if ((yield* this.#word()) !== this.#ramSection) throw broken("a section with the footer of another");
  }

  /** Reads up to the end mark of the section. */
  *#records(): Reading {
    for (;;) {
      const head = yield 8;
      const flags = head.readUInt16BE(6) & 0xfff;
      const address = head.readUInt32BE(0) * 2 ** 32 + (head.readUInt32BE(4) - flags);
      if (flags === Flag.Eos) return this.#sink.rest(head);
      if (flags === Flag.MemSize) {
        this.#sink.rest(head);
        yield* this.#blockList(address);
      } else yield* this.#page(head, flags, address);
    }
  }

  *#blockList(total: number): Reading {
    if (this.#main !== "") throw broken("a second list of memory blocks");
    for (let left = total; left > 0; ) {
      const name = yield* this.#name();
      const entry = yield 16;
      this.#sink.rest(entry);
      const length = entry.readUInt32BE(0) * 2 ** 32 + entry.readUInt32BE(4);
      const isMain = /^(?:.*\/)?ram$/.test(name);
      const isKnown = this.#blocks.has(name) || (isMain && this.#main !== "");
      if (isKnown || length === 0 || length > left || this.#blocks.size >= maxBlocks)
        throw broken(`a memory block ${JSON.stringify(name)} of ${length} bytes`);
      this.#blocks.set(name, length);
      if (isMain) this.#main = name;
      left -= length;
    }
    const found = this.#blocks.get(this.#main);
    if (found !== this.#plan.memoryBytes) throw broken(`guest memory of ${found} bytes`);
  }

  *#page(head: Buffer, flags: number, address: number): Reading {
    const kind = flags & ~Flag.Continue;
    if (kind !== Flag.Page && kind !== Flag.Zero) throw broken(`a page with flags ${flags.toString(16)}`);
    const start = (flags & Flag.Continue) === 0 ? yield* this.#blockStart(head) : head;
    this.#check(address);
    const isMain = this.#block === this.#main;
    if (!isMain) this.#sink.rest(start);
    const content = yield kind === Flag.Page ? pageBytes : 1;
    if (kind === Flag.Zero && content[0] !== 0) throw broken("a page filled with something other than zeros");
    if (isMain) this.#give(address, kind === Flag.Page ? content : null);
    else this.#sink.rest(content);
  }

  /** @returns a copy of all bytes before the page itself */
  *#blockStart(head: Buffer): Reading<Buffer> {
    const kept = Buffer.from(head);
    const name = yield* this.#counted8();
    this.#block = name.toString("latin1");
    return Buffer.concat([kept, Uint8Array.of(name.length), name]);
  }

  #check(address: number): void {
    const length = this.#blocks.get(this.#block);
    if (length === undefined) throw broken(`a page of ${JSON.stringify(this.#block)}`);
    if (!(address < length)) throw broken(`a page at ${address} of ${length} bytes`);
    if (++this.#pages * pageBytes > maxRounds * (this.#plan.memoryBytes + 2 ** 24)) throw broken("too many pages");
  }

  #give(address: number, content: Uint8Array | null): void {
    if (!this.#plan.hasPages) throw broken("a page of memory that is shared");
    if (address + pageBytes > this.#plan.memoryBytes) throw broken(`a page at ${address}`);
    if (content === null) this.#sink.zeroPage(address);
    else this.#sink.page(address, content);
  }

  *#name(): Reading<string> {
    const name = yield* this.#counted8();
    this.#sink.rest(Uint8Array.of(name.length));
    this.#sink.rest(name);
    return name.toString("latin1");
  }

  *#counted8(): Reading<Buffer> {
    const [length = 0] = yield 1;
    if (length === 0) throw broken("an empty name");
    return yield length;
  }

  *#byte(): Reading<number> {
    const byte = yield 1;
    this.#sink.rest(byte);
    return byte[0] ?? 0;
  }

  *#word(): Reading<number> {
    const word = yield 4;
    this.#sink.rest(word);
    return word.readUInt32BE(0);
  }

  *#counted(limit: number): Reading<number> {
    const count = yield* this.#word();
    if (count > limit) throw broken(`${count} where at most ${limit} are allowed`);
    return count;
  }

  *#copied(length: number): Reading {
    if (length > 0) this.#sink.rest(yield length);
  }
}

function broken(problem: string): MigrationStreamError {
  return new MigrationStreamError(problem);
}

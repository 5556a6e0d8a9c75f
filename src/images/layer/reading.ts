/** Reads a layer's stream into the packer, within the image's limits. */
import { abortable } from "../../artifacts/abortable.ts";
import { CountedStream } from "../../artifacts/counted.ts";
import type { Digest } from "../../base/names.ts";
import { type TarEntry, TarError } from "../../formats/tar/header.ts";
import { type TarEnd, type TarLimits, TarScanner, type TarSink } from "../../formats/tar/scanner.ts";
import type { Packer } from "./packer.ts";
import { type Rewrite, Rewriter } from "./rewrite.ts";

/** What is left of an image's limits; counted down over its layers. */
export type Budget = { bytes: number; entries: number };

/** Decides which entries are written, and how. */
export interface EntryFilter {
  /** The entry to write, followed by its content; null to skip it. */
  take(raw: TarEntry): TarEntry | null;
}

export type Reading = {
  budget: Budget;
  onProgress(bytes: number): void;
  signal: AbortSignal;
};

type Source = { open(): AsyncIterable<Uint8Array>; end: TarEnd; rewrite?: Rewrite };

/**
 * Writes every entry that can be written at once.
 * @param spent grows by what is taken from the budget @returns the digest of the stream
 */
export async function readEntries(
  source: Source,
  filter: EntryFilter,
  packer: Packer,
  { budget, onProgress, signal }: Reading,
  spent: Budget = { bytes: 0, entries: 0 },
): Promise<Digest> {
  let kept: number | null = null;
  const out = new Rewriter(packer, source.rewrite);
  const sink: TarSink = {
    entry(raw) {
      if (kept !== null) out.pad(kept);
      spent.entries++;
      spent.bytes += raw.size;
      countEntry(raw, budget);
      const entry = filter.take(raw);
      kept = entry?.size ?? null;
      if (entry) out.entry(entry);
    },
    data(chunk) {
      if (kept !== null) out.data(chunk);
    },
    hole(bytes) {
      if (kept !== null) out.hole(bytes);
    },
    padding() {},
  };
  const limits = limitsFor(budget);
  const scanner = new TarScanner(sink, limits);
  const counted = new CountedStream(limits.bytes, onProgress);
  for await (const chunk of abortable(source.open(), signal)) {
    if (!counted.add(chunk)) throw new TooLargeError();
    scanner.push(chunk);
    await packer.flush();
  }
  scanner.finish(source.end);
  if (kept !== null) out.pad(kept);
  return counted.digest();
}

/** @throws TooLargeError, TarError if the budget is exceeded */
export function countEntry({ size }: TarEntry, budget: Budget): void {
  if (--budget.entries < 0) throw new TarError("it contains too many files");
  budget.bytes -= size;
  if (budget.bytes < 0) throw new TooLargeError();
}

/**
 * Limits of the stream; entries are counted separately. Headers and padding are not content but cost as much to read.
 * The digest covers the whole stream, so everything after the end marker is read too.
 */
export function limitsFor(budget: Budget): Required<TarLimits> {
  const bytes = 2 * budget.bytes + 1024 ** 3;
  return { entries: Number.POSITIVE_INFINITY, bytes, tail: bytes };
}

/** The image exceeds its limit when unpacked. */
export class TooLargeError extends TarError {
  constructor() {
    super("it is too large");
  }
}

/**
 * One layer of an image, from its tar stream to a squashfs, as the stream comes: it is hashed, looked at and packed,
 * never unpacked. Read a second time only where the first reading showed that it has to be.
 */

import { abortable } from "../../artifacts/abortable.ts";
import { CountedStream } from "../../artifacts/counted.ts";
import { TarError, type TarKind } from "../../artifacts/tar/header.ts";
import { TarScanner, type TarSink } from "../../artifacts/tar/scanner.ts";
import type { Digest } from "../../base/names.ts";
import type { Semaphore } from "../../base/semaphore.ts";
import { removeTree } from "../../host/files.ts";
import type { ToolCage } from "../../host/tool-cage.ts";
import type { RootFacts } from "../../model/artifact.ts";
import { type Ending, endingOf, type Lower, needsLower } from "./ending.ts";
import { LayerEntries, type LayerKind, nothingMoved, type SecondPass } from "./entries.ts";
import { Packer } from "./packer.ts";
import { type Rewrite, Rewriter } from "./rewrite.ts";

export type LayerSource = {
  /** the stream, without compression; a second call reads it again */
  open(): AsyncIterable<Uint8Array>;
  /** false: it can be read once only */
  canReopen: boolean;
  /** the layers below, when they are ready; null: there are none */
  lower: (() => Promise<{ lower: Lower; close(): Promise<void> }>) | null;
  /** false where its length is known otherwise: some writers leave the end marker out */
  endMarker: boolean;
  /** false: a layer without a file is no error */
  mustHaveFiles: boolean;
  /** `layer` when it is left out */
  as?: LayerKind;
  /** paths whose entries are passed over, as if they weren't there */
  leaveOut?(path: string, kind: TarKind): boolean;
  /** a folder that is left out while nothing is in it */
  unlessEmpty?: string;
  rewrite?: Rewrite;
};

/** What an image may have in all; counted down over its layers. */
export type Budget = { bytes: number; entries: number };

export type ConvertedLayer = {
  /** sha256 of the tar stream: the diff id of the OCI image specification */
  diffId: Digest;
  /** depends on the layers below: not the same above others */
  isBound: boolean;
  /** sha256 of what was packed, where that is not all of the stream as it came; else null */
  packed: Digest | null;
  root: RootFacts | null;
  /** its root hides everything below */
  hidesAll: boolean;
};

export type Conversion = {
  path: string;
  /** reading and packing take a CPU each */
  cpus: Semaphore;
  /** of sqfstar */
  cage: ToolCage;
  during: string;
  budget: Budget;
  onProgress(bytes: number): void;
  signal: AbortSignal;
};

/** @throws TarError, TOOL_FAILED, TOOL_MISSING, DISK_FULL and what `source` throws; the file is removed then */
export async function convertLayer(source: LayerSource, conversion: Conversion): Promise<ConvertedLayer> {
  const first = await pass(source, nothingMoved, conversion);
  if ("layer" in first) return first.layer;
  if (!source.canReopen) throw new TarError("a name is in it twice, or below a link");
  const second = await pass(source, first.again, { ...conversion, budget: uncounted() });
  if ("layer" in second) return second.layer;
  throw new TarError("its folders lead through too many links");
}

/** What was counted once is not counted again. */
function uncounted(): Budget {
  return { bytes: Number.POSITIVE_INFINITY, entries: Number.POSITIVE_INFINITY };
}

type Pass = { layer: ConvertedLayer } | { again: SecondPass };

async function pass(source: LayerSource, known: SecondPass, conversion: Conversion): Promise<Pass> {
  const { signal, path } = conversion;
  signal.throwIfAborted();
  const entries = new LayerEntries(known, source);
  const { during, cage } = conversion;
  const packer = await Packer.open(cage, { path, during, signal, isHashed: isChanging(source) });
  let isWhole = false;
  let below: { lower: Lower; close(): Promise<void> } | null = null;
  try {
    const reading = () => readEntries(source, entries, packer, conversion);
    const diffId = await conversion.cpus.run(signal, reading);
    entries.finish();
    if (source.mustHaveFiles && entries.files === 0) throw new NoFilesError();
    below = source.lower && needsLower(entries) ? await source.lower() : null;
    const ending = await endingOf(entries, below?.lower ?? null);
    const again = secondPass(entries, ending, known);
    if (again) return { again };
    await writeEnding(ending, packer, conversion);
    await packer.finish();
    isWhole = true;
    const { root, opaque } = entries;
    const hidesAll = opaque.has("");
    const [isBound, packed] = [ending.isBound(), packer.packed()];
    return { layer: { diffId, isBound, packed, root: root && rootFacts(root), hidesAll } };
  } finally {
    await below?.close();
    if (!isWhole) {
      await packer.kill();
      await removeTree(path);
    }
  }
}

/** Something else than the stream decides what comes of it. */
function isChanging({ leaveOut, rewrite }: LayerSource): boolean {
  return leaveOut !== undefined || rewrite !== undefined;
}

function rootFacts({ mode, uid, gid }: RootFacts): RootFacts {
  return { mode, uid, gid };
}

function secondPass(entries: LayerEntries, ending: Ending, known: SecondPass): SecondPass | null {
  const isNew = ending.moved.size > 0 || (entries.lastOf.size > 0 && known.lastOf.size === 0);
  if (!isNew) return null;
  return { lastOf: known.lastOf.size > 0 ? known.lastOf : entries.lastOf, moved: ending.moved };
}

/** Everything that can go on at once does. @returns the digest of the stream */
async function readEntries(
  source: LayerSource,
  entries: LayerEntries,
  packer: Packer,
  { budget, onProgress, signal }: Conversion,
): Promise<Digest> {
  let kept: number | null = null;
  const out = new Rewriter(packer, source.rewrite);
  // headers and padding are no content, and cost as much to read
  const bytes = 2 * budget.bytes + 1024 ** 3;
  const sink: TarSink = {
    entry(came) {
      if (kept !== null) out.pad(kept);
      if (--budget.entries < 0) throw new TarError("it holds too many files");
      budget.bytes -= came.size;
      if (budget.bytes < 0) throw new TooLargeError();
      const entry = entries.take(came);
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
  // the digest is of the whole stream, so all that follows the end marker is read, up to `bytes`
  const scanner = new TarScanner(sink, { entries: Number.POSITIVE_INFINITY, bytes, tail: bytes });
  const counted = new CountedStream(bytes, onProgress);
  for await (const chunk of abortable(source.open(), signal)) {
    if (!counted.add(chunk)) throw new TooLargeError();
    scanner.push(chunk);
    await packer.flush();
  }
  scanner.finish(source.endMarker);
  if (kept !== null) out.pad(kept);
  return counted.digest();
}

/** A layer without a file, where one must be. */
export class NoFilesError extends TarError {
  constructor() {
    super("it holds no files");
  }
}

/** More than an image may be when it is unpacked. */
export class TooLargeError extends TarError {
  constructor() {
    super("it is too large");
  }
}

async function writeEnding(ending: Ending, packer: Packer, { budget }: Conversion): Promise<void> {
  for await (const { entry, content } of ending.additions) {
    budget.bytes -= entry.size;
    if (budget.bytes < 0) throw new TooLargeError();
    packer.entry(entry);
    let written = 0;
    for await (const chunk of content ?? []) {
      packer.data(chunk);
      written += chunk.length;
      await packer.flush();
    }
    if (written !== entry.size) throw new TarError("a layer below it has changed");
    packer.pad(written);
    await packer.flush();
  }
}

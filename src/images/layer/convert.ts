/**
 * Converts one layer of an image from its tar stream to a squashfs while it streams: hashed, checked and packed, never
 * unpacked. It is read again only if names occur twice or lead through symlinks.
 */

import type { Digest } from "../../base/names.ts";
import type { Semaphore } from "../../base/semaphore.ts";
import { tarEvents } from "../../formats/tar/events.ts";
import { TarError, type TarKind } from "../../formats/tar/header.ts";
import type { TarEnd } from "../../formats/tar/scanner.ts";
import { removeTree } from "../../host/files/files.ts";
import type { ToolCage } from "../../host/process/tool-cage.ts";
import type { RootFacts } from "../../model/artifact.ts";
import { type Completion, completeLayer, type Lower, needsLowerLayers } from "./completion.ts";
import { LayerEntries, type LayerKind, NeedsSecondRead } from "./entries.ts";
import { keptEntry } from "./marks.ts";
import { Packer } from "./packer.ts";
import { type Budget, countEntry, type EntryFilter, limitsFor, readEntries, TooLargeError } from "./reading.ts";
import type { Rewrite } from "./rewrite.ts";
import { resultOf } from "./unpacked.ts";
import { Unpacking } from "./unpacking.ts";

export type LayerSource = {
  /** the uncompressed stream; a second call reads it again if `canReopen` */
  open(): AsyncIterable<Uint8Array>;
  /** false if it can be read only once */
  canReopen: boolean;
  /** opens the layers below once they are ready; null if there are none */
  lower: (() => Promise<{ lower: Lower; close(): Promise<void> }>) | null;
  end: TarEnd;
  /** false if a layer without files is allowed */
  mustHaveFiles: boolean;
  /** default `layer` */
  as?: LayerKind;
  /** paths whose entries are skipped, as if they did not exist */
  leaveOut?(path: string, kind: TarKind): boolean;
  /** a folder that is left out if it is empty */
  unlessEmpty?: string;
  rewrite?: Rewrite;
};

export type ConvertedLayer = {
  /** sha256 of the tar stream: the diff id of the OCI image specification */
  diffId: Digest;
  /** it depends on the layers below, so it is not the same above others */
  isBound: boolean;
  /** sha256 of the packed content if that is not exactly the stream; else null */
  packed: Digest | null;
  root: RootFacts | null;
  /** its root folder hides everything below */
  hidesAll: boolean;
};

export type Conversion = {
  path: string;
  /** each layer uses one CPU for reading and one for packing */
  cpus: Semaphore;
  /** confines sqfstar */
  cage: ToolCage;
  during: string;
  budget: Budget;
  onProgress(bytes: number): void;
  signal: AbortSignal;
};

/**
 * @throws TarError, NeedsSecondRead for a source that has to be read again and can't be, TOOL_FAILED, TOOL_MISSING,
 * DISK_FULL and what `source` throws; the file is removed then
 */
export async function convertLayer(source: LayerSource, conversion: Conversion): Promise<ConvertedLayer> {
  const spent: Budget = { bytes: 0, entries: 0 };
  try {
    return await pack(source, conversion, (packer) => packStreaming(source, packer, spent, conversion));
  } catch (error) {
    if (!(error instanceof NeedsSecondRead && source.canReopen)) throw error;
    // it is counted again in the second read
    conversion.budget.bytes += spent.bytes;
    conversion.budget.entries += spent.entries;
    return packInTwoReads(source, conversion);
  }
}

type Facts = Omit<ConvertedLayer, "packed">;

/** Packs what `fill` writes into a squashfs. */
async function pack(
  source: LayerSource,
  { cage, path, during, signal }: Conversion,
  fill: (packer: Packer) => Promise<Facts>,
): Promise<ConvertedLayer> {
  signal.throwIfAborted();
  const packer = await Packer.open(cage, { path, during, signal, isHashed: isModified(source) });
  let isWhole = false;
  try {
    const facts = await fill(packer);
    await packer.finish();
    isWhole = true;
    return { ...facts, packed: packer.packed() };
  } finally {
    if (!isWhole) {
      await packer.kill();
      await removeTree(path);
    }
  }
}

/** The result depends on more than the stream. */
function isModified({ leaveOut, rewrite }: LayerSource): boolean {
  return leaveOut !== undefined || rewrite !== undefined;
}

async function packStreaming(
  source: LayerSource,
  packer: Packer,
  spent: Budget,
  conversion: Conversion,
): Promise<Facts> {
  const entries = new LayerEntries(source);
  const reading = () => readEntries(source, entries, packer, conversion, spent);
  const diffId = await conversion.cpus.run(conversion.signal, reading);
  entries.finish();
  if (source.mustHaveFiles && entries.files === 0) throw new NoFilesError();
  const below = source.lower && needsLowerLayers(entries) ? await source.lower() : null;
  try {
    const completion = await completeLayer(entries, below?.lower ?? null);
    await writeCompletion(completion, packer, conversion);
    return { diffId, isBound: completion.isBound(), root: rootFacts(entries.root), hidesAll: entries.opaque.has("") };
  } finally {
    await below?.close();
  }
}

/** Reads the names first, then packs the entries that are left under their final names. */
async function packInTwoReads(source: LayerSource, conversion: Conversion): Promise<ConvertedLayer> {
  const below = source.lower && (await source.lower());
  try {
    const lower = below?.lower ?? null;
    const unpacking = new Unpacking(lower, source);
    await conversion.cpus.run(conversion.signal, () => unpackNames(source, unpacking, conversion));
    const unpacked = await resultOf(unpacking.tree, lower);
    if (source.mustHaveFiles && unpacked.files === 0) throw new NoFilesError();
    return await pack(source, conversion, async (packer) => {
      const placed = finalNames(unpacked.placed, source.as);
      const reading = () => readEntries(source, placed, packer, { ...conversion, budget: uncounted() });
      const diffId = await conversion.cpus.run(conversion.signal, reading);
      await writeCompletion(unpacked, packer, conversion);
      return { diffId, isBound: true, root: rootFacts(unpacking.root), hidesAll: unpacking.tree.root.isOpaque };
    });
  } finally {
    await below?.close();
  }
}

async function unpackNames(source: LayerSource, unpacking: Unpacking, { budget, signal }: Conversion): Promise<void> {
  for await (const event of tarEvents(source.open(), { ...limitsFor(budget), end: source.end })) {
    if (event.kind !== "entry") continue;
    signal.throwIfAborted();
    countEntry(event.entry, budget);
    await unpacking.apply(event.entry);
  }
  await unpacking.finish();
}

function finalNames(placed: ReadonlyMap<number, string>, as: LayerKind = "layer"): EntryFilter {
  let number = 0;
  return {
    take(raw) {
      const name = placed.get(++number);
      return name === undefined ? null : keptEntry(raw, name, as);
    },
  };
}

/** A budget for the second read, whose entries were counted in the first. */
function uncounted(): Budget {
  return { bytes: Number.POSITIVE_INFINITY, entries: Number.POSITIVE_INFINITY };
}

function rootFacts(root: RootFacts | null): RootFacts | null {
  return root && { mode: root.mode, uid: root.uid, gid: root.gid };
}

/** A layer without files where some are required. */
export class NoFilesError extends TarError {
  constructor() {
    super("it contains no files");
  }
}

async function writeCompletion(completion: Completion, packer: Packer, { budget }: Conversion): Promise<void> {
  for await (const { entry, content } of completion.additions) {
    budget.bytes -= entry.size;
    if (budget.bytes < 0) throw new TooLargeError();
    packer.entry(entry);
    let written = 0;
    for await (const chunk of content ?? []) {
      packer.data(chunk);
      written += chunk.length;
      await packer.flush();
    }
    if (written !== entry.size) throw new TarError("a layer below it changed");
    packer.pad(written);
    await packer.flush();
  }
}

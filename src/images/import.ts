/** Stores a root file system that arrives as one tar stream: an image with one layer. */
import { fail } from "../base/errors/error.ts";
import { parseImageName } from "../base/names.ts";
import type { ImageRecord } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import { assembleImage } from "./assemble.ts";
import { type ImageDeps, storingImage } from "./deps.ts";
import type { LayerSource } from "./layer/convert.ts";
import { NeedsSecondRead } from "./layer/entries.ts";
import { limitsFor } from "./layer/reading.ts";
import { emptyConfig } from "./record.ts";
import { refusing } from "./refusal.ts";
import { withSpooledStream } from "./spooled-stream.ts";

type Named = { name: string; source: string };
export type RootfsUpload = Named & {
  tar: AsyncIterable<Uint8Array>;
  /** it is spooled to disk first, so that it can be read twice */
  isSpooled?: boolean;
};
export type TreeSource = Named & { /** each call reads it again */ open(): AsyncIterable<Uint8Array> };

/**
 * The stream is a tree, not a layer: a file named `.wh.x` is an ordinary file.
 * @returns the record, which the caller stores
 * @throws IMAGE_INVALID, IMAGE_TOO_LARGE, IMAGE_NAME_INVALID, DISK_FULL, TOOL_MISSING, TOOL_FAILED, IMAGE_READ_TWICE
 * for a stream that is not spooled and would have to be, and whatever `upload.tar` throws; nothing is left behind then
 */
export async function importRootfs(
  deps: ImageDeps,
  upload: RootfsUpload,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  // the sender checks that all of it arrived
  const tree = { as: "tree", end: "block" } as const;
  if (!upload.isSpooled)
    return store(deps, upload, { ...tree, open: () => upload.tar, canReopen: false }, emit, signal);
  const budget = await deps.budget();
  const { bytes } = limitsFor(budget);
  return refusing(upload.name, budget, () =>
    withSpooledStream(deps.paths, upload.tar, { bytes, signal }, (open) =>
      store(deps, upload, { ...tree, open, canReopen: true }, emit, signal),
    ),
  );
}

/** As `importRootfs`, for a file system read from a disk. An empty `lost+found`, which mke2fs makes, is left out. */
export function importTree(deps: ImageDeps, tree: TreeSource, emit: Emit, signal: AbortSignal): Promise<ImageRecord> {
  const source = {
    open: () => tree.open(),
    canReopen: true,
    as: "tree",
    end: "marker",
    unlessEmpty: "lost+found",
  } as const;
  return store(deps, tree, source, emit, signal);
}

async function store(
  deps: ImageDeps,
  named: Named,
  stream: Pick<LayerSource, "open" | "canReopen" | "as" | "end" | "unlessEmpty">,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const name = parseImageName(named.name);
  signal.throwIfAborted();
  const onProgress = (done: number) => {
    emit({ kind: "progress", step: "pack", text: "storing the root file system", done });
  };
  const layerSource: LayerSource = { ...stream, lower: null, mustHaveFiles: true };
  const budget = await deps.budget();
  return refusing(name, { ...budget }, async () => {
    const layer = await deps.layers
      .add(layerSource, [], { during: storingImage, budget, onProgress, signal })
      .catch((error: unknown) => {
        throw error instanceof NeedsSecondRead ? fail("IMAGE_READ_TWICE", { name }, error) : error;
      });
    const { source } = named;
    return assembleImage(deps, { name, source, layers: [layer], config: emptyConfig }, emit, signal);
  });
}

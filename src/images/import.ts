/** Stores a root file system that comes as one tar stream: an image of one layer. */
import { parseImageName } from "../base/names.ts";
import type { ImageRecord } from "../model/artifact.ts";
import type { Emit } from "../model/event.ts";
import { assembleImage } from "./assemble.ts";
import { type ImageDeps, storingImage } from "./deps.ts";
import { emptyConfig } from "./record.ts";
import { refusing } from "./refusal.ts";

export type RootfsUpload = { name: string; source: string; tar: AsyncIterable<Uint8Array> };

/**
 * @returns the record; the caller puts it into the store
 * @throws IMAGE_INVALID, IMAGE_TOO_LARGE, IMAGE_NAME_INVALID, DISK_FULL, TOOL_MISSING, TOOL_FAILED, and whatever
 *   `upload.tar` throws; nothing is left behind then
 */
export async function importRootfs(
  deps: ImageDeps,
  upload: RootfsUpload,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImageRecord> {
  const name = parseImageName(upload.name);
  signal.throwIfAborted();
  const onProgress = (done: number) => {
    emit({ kind: "progress", step: "pack", text: "storing the root file system", done });
  };
  const tar = { open: () => upload.tar, canReopen: false, lower: null, endMarker: true, mustHaveFiles: true };
  const budget = await deps.budget();
  return refusing(name, { ...budget }, async () => {
    const layer = await deps.layers.add(tar, [], { during: storingImage, budget, onProgress, signal });
    const { source } = upload;
    return assembleImage(deps, { name, source, layers: [layer], config: emptyConfig }, emit, signal);
  });
}

/** Exports a stored image as plain tar streams: its layers as one tree, and the initial content of a VM's own disk. */
import { fail } from "../../base/errors/error.ts";
import type { ImagePart, ImageRecord } from "../../model/artifact.ts";
import type { Paths } from "../../model/paths.ts";
import { openUnion } from "../open-union.ts";
import { rootOf } from "../record.ts";
import { rootfsTar } from "../union/tar.ts";

/** Deterministic. @throws IMAGE_NOT_FOUND for a part that the image does not have */
export async function* exportRootfs(
  paths: Paths,
  image: ImageRecord,
  part: ImagePart,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const layers = part === "rootfs" ? image.layers : image.direct ? [image.direct] : [];
  if (layers.length === 0) throw fail("IMAGE_NOT_FOUND", { name: `${image.name} (${part})` });
  // a VM's own disk can contain the layers of another overlayfs
  const { union, close } = await openUnion(paths, layers, { isFlat: part === "direct" });
  try {
    // the time at which the layer was stored is left out
    for await (const chunk of rootfsTar(union, { ...rootOf(layers), mtime: 0 })) {
      signal.throwIfAborted();
      yield chunk;
    }
  } finally {
    await close();
  }
}

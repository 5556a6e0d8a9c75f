/** A stored image as plain tar streams: its layers as one tree, and what begins on a VM's own disk. */
import { fail } from "../../base/errors/error.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import type { Paths } from "../../model/paths.ts";
import { openUnion } from "../open-union.ts";
import { rootOf } from "../record.ts";
import { rootfsTar } from "../union/tar.ts";

export const imageParts = ["rootfs", "direct"] as const;
export type ImagePart = (typeof imageParts)[number];

/** The same bytes each time. @throws IMAGE_NOT_FOUND for a part that the image has not */
export async function* exportRootfs(
  paths: Paths,
  image: ImageRecord,
  part: ImagePart,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const layers = part === "rootfs" ? image.layers : image.direct ? [image.direct] : [];
  if (layers.length === 0) throw fail("IMAGE_NOT_FOUND", { name: `${image.name} (${part})` });
  // what is on a VM's disk directly may be another overlayfs's layers
  const { union, close } = await openUnion(paths, layers, { isFlat: part === "direct" });
  try {
    // when the layer was stored is no part of it
    for await (const chunk of rootfsTar(union, { ...rootOf(layers), mtime: 0 })) {
      signal.throwIfAborted();
      yield chunk;
    }
  } finally {
    await close();
  }
}

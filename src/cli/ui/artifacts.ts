/** Sizes and digests of images and kernels, as tables show them. */
import type { ImageRecord } from "../../model/artifact.ts";

/** bytes of all layers on disk */
export function imageBytes(image: ImageRecord): number {
  return image.layers.reduce((sum, layer) => sum + layer.bytes, 0);
}

/** As much of a digest as a person compares. */
export function shortDigest(digest: string): string {
  return digest.slice("sha256:".length, "sha256:".length + 12);
}

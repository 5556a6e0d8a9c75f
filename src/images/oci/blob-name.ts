/** Paths of blobs in an OCI image layout (OCI image specification, "Image Layout"). */
import type { Digest } from "../../base/names.ts";

/** As in `blobs/sha256/…`. */
export function blobName(digest: Digest): string {
  return `blobs/${digest.replace(":", "/")}`;
}

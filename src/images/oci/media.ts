/**
 * Media types of manifests, indexes and layers: OCI's and the equivalent ones of Docker (OCI image specification 1.1).
 */

export const indexTypes: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];

export const manifestTypes: readonly string[] = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

const layer =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar)(?:[.+](?:gzip|zstd))?$/;

/** A file system changeset; its compression is detected from its content. */
export function isLayerType(mediaType: string): boolean {
  return layer.test(mediaType);
}

/** An image's config; some writers give no type, or a generic one. Artifacts have types of their own. */
export function isConfigType(mediaType: string): boolean {
  return configTypes.includes(mediaType);
}

const configTypes = [
  "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.container.image.v1+json",
  "application/json",
  "application/octet-stream",
  "",
];

/** Docker's schema 1, which registries no longer have to support. */
export function isSchema1(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/.test(mediaType);
}

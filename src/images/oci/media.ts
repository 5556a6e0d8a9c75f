/** Media types of manifests, indexes and layers: OCI's and Docker's, which say the same (OCI image specification 1.1). */

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

/** A file system changeset; how it is compressed shows in the layer itself. */
export function isLayerType(mediaType: string): boolean {
  return layer.test(mediaType);
}

/** An image's config; some writers say nothing, or that it is JSON. Artifacts have types of their own. */
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

/** Docker's first schema, which no registry has to keep any more. */
export function isSchema1(mediaType: string): boolean {
  return /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/.test(mediaType);
}

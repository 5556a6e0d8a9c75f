/** OCI image layouts made of given layers, for tests. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";

export type LayoutOptions = {
  compress?: "gzip" | "zstd" | "none";
  /** Docker's media types instead of OCI's */
  docker?: boolean;
  /** the image config's own fields */
  config?: Record<string, unknown>;
  /** platforms besides linux/amd64: then an index stands in between */
  platforms?: string[];
  tag?: string;
  architecture?: string;
};

type Blob = { digest: string; size: number };

/** Writes the layout into `folder`; `layers` are tar streams, lowest first. @returns digest of the manifest */
export function writeLayout(folder: string, layers: readonly Uint8Array[], options: LayoutOptions = {}): string {
  const { compress = "gzip", docker = false, config = {}, platforms = [], tag = "latest" } = options;
  const { architecture = "amd64" } = options;
  mkdirSync(`${folder}/blobs/sha256`, { recursive: true });
  const put = (bytes: Uint8Array): Blob => {
    const hex = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(`${folder}/blobs/sha256/${hex}`, bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown) => put(new TextEncoder().encode(JSON.stringify(value)));
  const diffIds = layers.map((tar) => `sha256:${createHash("sha256").update(tar).digest("hex")}`);
  const rootfs = { type: "layers", diff_ids: diffIds };
  const types = docker ? dockerTypes : ociTypes;
  const suffix = { gzip: types.gzip, zstd: "+zstd", none: "" }[compress];
  const blobs = layers.map((tar) => ({ mediaType: `${types.layer}${suffix}`, ...put(packed(tar, compress)) }));
  const manifestFor = (os: string, arch: string) => {
    const configBlob = { mediaType: types.config, ...json({ architecture: arch, os, config, rootfs }) };
    const manifest = { schemaVersion: 2, mediaType: types.manifest, config: configBlob, layers: blobs };
    return { mediaType: types.manifest, ...json(manifest) };
  };
  let top = manifestFor("linux", architecture);
  if (platforms.length > 0) {
    const others = platforms.map((platform) => {
      const [os = "", arch = ""] = platform.split("/");
      return { ...manifestFor(os, arch), platform: { os, architecture: arch } };
    });
    const own = { ...top, platform: { os: "linux", architecture: "amd64" } };
    top = {
      mediaType: types.index,
      ...json({ schemaVersion: 2, mediaType: types.index, manifests: [...others, own] }),
    };
  }
  const annotations = { "org.opencontainers.image.ref.name": tag };
  writeFileSync(`${folder}/index.json`, JSON.stringify({ schemaVersion: 2, manifests: [{ ...top, annotations }] }));
  writeFileSync(`${folder}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}');
  return top.digest;
}

const ociTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  gzip: "+gzip",
};
const dockerTypes = {
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar",
  gzip: ".gzip",
};

function packed(tar: Uint8Array, how: "gzip" | "zstd" | "none"): Uint8Array {
  if (how === "gzip") return gzipSync(tar, { level: 1 });
  return how === "zstd" ? zstdCompressSync(tar) : tar;
}

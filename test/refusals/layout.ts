/** OCI layouts written blob by blob, as right or as wrong as a test wants them. */
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { archive, file, folder } from "../../src/formats/tar/testing/archive.ts";

export type Blob = { mediaType: string; digest: string; size: number; [more: string]: unknown };

export const types = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  index: "application/vnd.oci.image.index.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

export type ImageOptions = {
  architecture?: string;
  os?: string;
  platform?: { os: string; architecture: string };
  configType?: string;
  config?: unknown;
  /** stored bytes */
  layer?: Uint8Array;
  layerType?: string;
  layers?: Blob[];
  manifestType?: string;
  /** of its manifest */
  more?: Record<string, unknown>;
  /** null: none */
  name?: string | null;
};

let made = 0;

/** A root file system that no other has the digest of: what is stored already is not read again. */
export function rootfs(): Uint8Array {
  return archive([folder("bin"), file("bin/sh", `program ${made++}`, 0o755)]);
}

export class Layout {
  readonly folder: string;

  constructor(parent: string) {
    this.folder = mkdtempSync(join(parent, "layout-"));
    mkdirSync(join(this.folder, "blobs/sha256"), { recursive: true });
    writeFileSync(join(this.folder, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  }

  blob(content: unknown, mediaType: string, more: Record<string, unknown> = {}): Blob {
    const text = typeof content === "string" ? content : JSON.stringify(content);
    const bytes = content instanceof Uint8Array ? content : new TextEncoder().encode(text);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    writeFileSync(this.#path(digest), bytes);
    return { mediaType, digest, size: bytes.length, ...more };
  }

  image(options: ImageOptions = {}): Blob {
    const { architecture = "amd64", os = "linux", platform, name = "tool:1", more = {} } = options;
    const root = rootfs();
    const diff = `sha256:${createHash("sha256").update(root).digest("hex")}`;
    const layers = options.layers ?? [this.blob(options.layer ?? gzipSync(root), options.layerType ?? types.layer)];
    const said = options.config ?? { architecture, os, config: {}, rootfs: { type: "layers", diff_ids: [diff] } };
    const config = this.blob(said, options.configType ?? types.config);
    const annotations = name === null ? {} : { annotations: { "org.opencontainers.image.ref.name": name } };
    return this.blob(
      { schemaVersion: 2, mediaType: types.manifest, config, layers, ...more },
      options.manifestType ?? types.manifest,
      { ...(platform ? { platform } : {}), ...annotations },
    );
  }

  index(...manifests: Blob[]): Blob {
    return this.blob({ schemaVersion: 2, mediaType: types.index, manifests }, types.index);
  }

  /** @returns the folder */
  write(...manifests: Blob[]): string {
    writeFileSync(join(this.folder, "index.json"), JSON.stringify({ schemaVersion: 2, manifests }));
    return this.folder;
  }

  read(digest: string): Uint8Array {
    return readFileSync(this.#path(digest));
  }

  spoil({ digest }: Blob, change: (bytes: Uint8Array) => Uint8Array | null): void {
    const changed = change(this.read(digest));
    if (changed === null) rmSync(this.#path(digest));
    else writeFileSync(this.#path(digest), changed);
  }

  #path(digest: string): string {
    return join(this.folder, "blobs", digest.replace(":", "/"));
  }
}

/** A layout of one image. @returns its folder */
export function layoutOf(parent: string, options: ImageOptions = {}): string {
  const layout = new Layout(parent);
  return layout.write(layout.image(options));
}

/** The folder as a tar stream. */
export function tarOf(path: string): Uint8Array {
  return Bun.spawnSync(["tar", "-C", path, "-c", "."]).stdout;
}

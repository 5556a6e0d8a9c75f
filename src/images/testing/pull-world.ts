/** A `Puller` over a cache of its own, and registries that send what a test says. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { Downloads, type OpenPart } from "../../artifacts/download.ts";
import { VerifiedFiles } from "../../artifacts/verified.ts";
import type { Digest } from "../../base/names.ts";
import { parseReference } from "../../base/reference.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { uncaged } from "../../host/testing/tool-cage.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import { pathsOf } from "../../model/paths.ts";
import { Layers } from "../layers.ts";
import { indexTypes, manifestTypes } from "../oci/media.ts";
import { Puller } from "../pull.ts";
import type { Received, Registry } from "../registry/client.ts";

export const never = new AbortController().signal;
export const reference = parseReference("r.example/team/tool:v1");
export const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
export const sumOf = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;

export const layerOf = (size: number, fill = "0") => ({ digest: `sha256:${fill.repeat(64)}`, size });

const diffId = `sha256:${"d".repeat(64)}`;
/** An image's config, with two layers. */
export const configFor = (architecture: string) =>
  bytesOf({ os: "linux", architecture, rootfs: { diff_ids: [diffId, diffId] } });
export const config = configFor("amd64");

export type Given = {
  /** the stored image that was made from the document with that digest */
  known?: (source: Digest) => ImageRecord | null;
  /** instead of layers in the cache */
  layers?: Layers;
};

/** @param budget most bytes of an image; @param free bytes on the disk */
export function world(budget: number, free = 2 ** 60, { known = () => null, layers }: Given = {}) {
  const temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
  const downloads = new Downloads({ paths, pause: async () => {}, freeBytes: async () => free });
  const verified = new VerifiedFiles();
  const own = layers ?? new Layers({ paths, verified, knownLayer: () => null, cpus: 1, cage: uncaged });
  const limits = async () => ({ bytes: budget, entries: 100 });
  const facts = { paths, layers: own, cage: uncaged, now: () => 0, budget: limits };
  const puller = new Puller({ ...facts, verified, downloads, imageFromSource: known });
  const left = () => (existsSync(paths.blobs) ? readdirSync(paths.blobs) : []);
  return { temp, paths, puller, downloads, verified, left };
}

export type Sent = { type: string; bytes: Uint8Array };

/**
 * Serves these documents in turn, these blobs (and the config) by their digest, and endless zeros for every other blob.
 * @param blobs by digest; the content may be another's
 */
export function registryOf(documents: readonly Sent[], blobs: Record<string, Uint8Array> = {}) {
  const asked: string[] = [];
  const served: Record<string, Uint8Array> = { [sumOf(config)]: config, ...blobs };
  const body = async function* (digest: Digest) {
    const bytes = served[digest];
    if (bytes) yield bytes;
    else for (;;) yield new Uint8Array(1024);
  };
  const blob = (digest: Digest): OpenPart => {
    return async () => {
      asked.push(digest === sumOf(config) ? "config" : served[digest] ? "blob" : "layer");
      return { from: 0, total: null, body: body(digest) };
    };
  };
  const left = [...documents];
  const manifest = async (): Promise<Received> => {
    const { type = "", bytes = new Uint8Array() } = left.shift() ?? {};
    return { digest: sumOf(bytes), mediaType: type, bytes };
  };
  return { registry: { manifest, blob } satisfies Registry, asked, left };
}

/** @param size what it says of its config's length */
export function manifestOf(
  layers: readonly { digest: string; size: number }[],
  size = config.length,
  digest: string = sumOf(config),
): Sent {
  const described = layers.map((layer) => ({ ...layer, mediaType: "application/vnd.oci.image.layer.v1.tar+gzip" }));
  const bytes = bytesOf({ schemaVersion: 2, config: { digest, size }, layers: described });
  return { type: manifestTypes[0] as string, bytes };
}

/** An index of these documents. @param more of each entry */
export function indexOf(documents: readonly Sent[], more: readonly object[] = []): Sent {
  const manifests = documents.map(({ bytes }, at) => ({ digest: sumOf(bytes), size: bytes.length, ...more[at] }));
  return { type: indexTypes[0] as string, bytes: bytesOf({ schemaVersion: 2, manifests }) };
}

export const pull = (puller: Puller, registry: Registry) => puller.pull(reference, registry, () => {}, never);

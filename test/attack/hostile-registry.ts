/** What a hostile registry answers. The repository's name chooses the lie: `198.51.100.1:5443/LIE/x:latest`. */
import { createHash } from "node:crypto";
import type http from "node:http";

export type Lie = {
  /** answers every request that has no `Authorization` by this challenge */
  challenge?: string;
  /** answers these requests by a redirect */
  redirect?: { of: "manifests" | "blobs"; to: string };
  /** the manifest as it is sent, made of the honest one */
  manifest?: (honest: Manifest) => string;
  manifestType?: string;
  /** sends layers this way */
  layer?: (response: http.ServerResponse, honest: Uint8Array) => void;
};

export type Manifest = { layers: Record<string, unknown>[] } & Record<string, unknown>;

const type = "application/vnd.oci.image.manifest.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";

export class HostileRegistry {
  readonly #layerFor: (lie: string) => Uint8Array;
  readonly #lies: Record<string, Lie>;

  /** @param layerFor a tar stream that no other lie has: what was taken before is not fetched again */
  constructor(layerFor: (lie: string) => Uint8Array, lies: Record<string, Lie>) {
    this.#layerFor = layerFor;
    this.#lies = lies;
  }

  answer(request: http.IncomingMessage, response: http.ServerResponse): void {
    const path = /^\/v2\/([^/]+)\/x\/(manifests|blobs)\/(.+)$/.exec(request.url ?? "");
    const [, name = "", kind = "", what = ""] = path ?? [];
    const lie = this.#lies[name];
    if (!lie) return void response.writeHead(404).end();
    if (lie.challenge && !request.headers.authorization)
      return void response.writeHead(401, { "www-authenticate": lie.challenge }).end();
    const layer = this.#layerFor(name);
    const config = configOf(layer);
    if (lie.redirect?.of === kind && what !== digestOf(config))
      return void response.writeHead(307, { location: lie.redirect.to }).end();
    if (kind === "manifests") return sendManifest(lie, manifestOf(config, layer), response);
    if (what === digestOf(config)) return void response.end(config);
    if (lie.layer) return lie.layer(response, layer);
    response.end(layer);
  }
}

function sendManifest(lie: Lie, honest: Manifest, response: http.ServerResponse): void {
  const text = lie.manifest ? lie.manifest(honest) : JSON.stringify(honest);
  response.writeHead(200, { "content-type": lie.manifestType ?? type }).end(text);
}

function manifestOf(config: Uint8Array, layer: Uint8Array): Manifest {
  return {
    schemaVersion: 2,
    mediaType: type,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", ...described(config) },
    layers: [{ mediaType: layerType, ...described(layer) }],
  };
}

function configOf(layer: Uint8Array): Buffer {
  const rootfs = { type: "layers", diff_ids: [digestOf(layer)] };
  return Buffer.from(JSON.stringify({ os: "linux", architecture: "amd64", config: {}, rootfs }));
}

function described(bytes: Uint8Array): { digest: string; size: number } {
  return { digest: digestOf(bytes), size: bytes.length };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

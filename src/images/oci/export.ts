/**
 * Exports an image as an OCI image layout in one tar stream, which docker, podman and skopeo can read too: it also has
 * the manifest.json that `docker load` needs.
 */
import { createHash } from "node:crypto";
import { createGzip } from "node:zlib";
import { fail } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import { openSquashfs } from "../../formats/squashfs/reader.ts";
import { shown } from "../../formats/tar/header.ts";
import { encodeHeader, endOfArchive, padding } from "../../formats/tar/writer.ts";
import { ensureFolder, readStream, removeTree, tempPath } from "../../host/files/files.ts";
import { openForRead } from "../../host/files/random-access.ts";
import { makeScratchFile } from "../../host/files/scratch-file.ts";
import type { ImageConfig, ImageRecord, LayerRef } from "../../model/artifact.ts";
import type { Paths } from "../../model/paths.ts";
import { whiteout } from "../layer/marks.ts";
import { baseOf } from "../layer/paths.ts";
import { withUnion } from "../open-union.ts";
import type { Union } from "../union/union.ts";
import { blobName } from "./blob-name.ts";
import { layerTar } from "./layer-tar.ts";

type Packed = { path: string; digest: Digest; size: number; diffId: Digest };

/**
 * Each layer is first packed into a scratch file, because its digest comes before it in the stream.
 * @throws IMAGE_NOT_PORTABLE before anything is sent
 */
export async function* exportImage(
  paths: Paths,
  image: ImageRecord,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  await refuseMarks(paths, image, signal);
  const work = tempPath(paths.partial, "export");
  await ensureFolder(work);
  try {
    const layers: Packed[] = [];
    // some readers can't create a file's parent folders as an ordinary user
    for (const name of ["blobs", "blobs/sha256"])
      yield encodeHeader({ ...header(name, 0), kind: "folder", mode: 0o755 });
    yield* member("oci-layout", text({ imageLayoutVersion: "1.0.0" }));
    for (const [index, layer] of image.layers.entries()) {
      const packed = await pack(paths, layer, `${work}/${index}`, signal);
      layers.push(packed);
      yield encodeHeader(header(blobName(packed.digest), packed.size));
      yield* readStream(packed.path);
      yield padding(packed.size);
      await removeTree(packed.path);
    }
    yield* documents(image, layers);
    yield endOfArchive;
  } finally {
    await removeTree(work);
  }
}

/** OCI layers can't represent a file whose name begins with `.wh.`: it would be read as a whiteout. */
async function refuseMarks(paths: Paths, { name, layers }: ImageRecord, signal: AbortSignal): Promise<void> {
  for (const layer of layers) {
    // a file that a higher layer removes is still in its own layer
    const use = async (union: Union) => {
      for await (const { path } of union.walk()) {
        signal.throwIfAborted();
        if (baseOf(path).startsWith(whiteout)) throw fail("IMAGE_NOT_PORTABLE", { name, path: shown(`/${path}`) });
      }
    };
    await withUnion(paths, [layer], use, { keepWhiteouts: true });
  }
}

function* documents(image: ImageRecord, layers: readonly Packed[]): Generator<Uint8Array, void, void> {
  const config = text(configOf(image, layers));
  const configDigest = digestOf(config);
  yield* member(blobName(configDigest), config);
  const manifest = text({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: configDigest, size: config.length },
    layers: layers.map(({ digest, size }) => ({ mediaType: layerType, digest, size })),
  });
  yield* member(blobName(digestOf(manifest)), manifest);
  const annotations = { "io.containerd.image.name": image.name, "org.opencontainers.image.ref.name": image.name };
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const entry = { mediaType, digest: digestOf(manifest), size: manifest.length, annotations };
  yield* member("index.json", text({ schemaVersion: 2, manifests: [entry] }));
  const names = layers.map(({ digest }) => blobName(digest));
  const tagged = image.name.includes("@") || image.name.startsWith("sha256:") ? [] : [withTag(image.name)];
  yield* member("manifest.json", text([{ Config: blobName(configDigest), RepoTags: tagged, Layers: names }]));
}

const layerType = "application/vnd.oci.image.layer.v1.tar+gzip";

async function pack(paths: Paths, layer: LayerRef, path: string, signal: AbortSignal): Promise<Packed> {
  const source = await openForRead(paths.layer(layer.digest));
  const target = await makeScratchFile(path);
  try {
    const squashfs = await openSquashfs(source, source.size);
    const [diff, hash] = [createHash("sha256"), createHash("sha256")];
    let size = 0;
    const gzip = createGzip({ level: 1 });
    const feeding = (async () => {
      for await (const chunk of layerTar(squashfs, layer.root)) {
        signal.throwIfAborted();
        diff.update(chunk);
        if (!gzip.write(chunk)) await new Promise<void>((resolve) => void gzip.once("drain", () => resolve()));
      }
      gzip.end();
    })();
    feeding.catch((error: Error) => gzip.destroy(error));
    for await (const chunk of gzip) {
      hash.update(chunk as Uint8Array);
      size += (chunk as Uint8Array).length;
      await target.write(chunk as Uint8Array);
    }
    await feeding;
    const named = (one: typeof hash) => `sha256:${one.digest("hex")}` as Digest;
    return { path, size, digest: named(hash), diffId: named(diff) };
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
}

function configOf({ config, createdAt }: ImageRecord, layers: readonly Packed[]) {
  return {
    created: new Date(createdAt).toISOString(),
    architecture: "amd64",
    os: "linux",
    config: runConfig(config),
    rootfs: { type: "layers", diff_ids: layers.map((layer) => layer.diffId) },
  };
}

function runConfig({ env, entrypoint, cmd, workdir, user }: ImageConfig) {
  return {
    ...(Object.keys(env).length > 0 ? { Env: Object.entries(env).map(([name, value]) => `${name}=${value}`) } : {}),
    ...(entrypoint.length > 0 ? { Entrypoint: entrypoint } : {}),
    ...(cmd.length > 0 ? { Cmd: cmd } : {}),
    ...(workdir === "" ? {} : { WorkingDir: workdir }),
    ...(user === "" ? {} : { User: user }),
  };
}

function withTag(name: string): string {
  return /:[^/]+$/.test(name) ? name : `${name}:latest`;
}

function text(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

function header(name: string, size: number) {
  return { name, kind: "file", mode: 0o644, uid: 0, gid: 0, size, mtime: 0, link: "" } as const;
}

function* member(name: string, content: Uint8Array): Generator<Uint8Array, void, void> {
  yield encodeHeader(header(name, content.length));
  yield content;
  yield padding(content.length);
}

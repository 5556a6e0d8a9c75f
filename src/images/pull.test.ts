/** What a manifest can declare: limits apply before a byte of a blob is requested. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { OpenPart } from "../artifacts/download.ts";
import { roomMargin } from "../artifacts/room.ts";
import type { Digest, ImageName } from "../base/names.ts";
import { ensureFolder, sha256File } from "../host/files/files.ts";
import { layerRef } from "../store/testing/records.ts";
import { maxDocument } from "./oci/manifest.ts";
import { manifestTypes } from "./oci/media.ts";
import { emptyConfig, imageRecord } from "./record.ts";
import {
  bytesOf,
  config,
  indexOf,
  layerOf,
  manifestOf,
  never,
  pull,
  reference,
  registryOf,
  sumOf,
  world,
} from "./testing/pull-world.ts";
import { squashfs } from "./testing/squashfs.ts";

test("a layer of 10^15 bytes is refused with its size and the limit, and nothing is requested or kept", async () => {
  const { temp, puller, left } = world(64 * 1024 ** 3);
  using _ = temp;
  const { registry, asked } = registryOf([manifestOf([layerOf(1e15)])]);
  await expect(pull(puller, registry)).rejects.toMatchObject({
    code: "IMAGE_TOO_LARGE",
    message: expect.stringMatching(/has 9\d\d(?:\.\d)? TiB to download, .*64\.?0? GiB/),
  });
  expect([asked, left()]).toEqual([[], []]);
});

test("blobs that add up to an image's size limit are requested; with one byte more, none is", async () => {
  const budget = config.length + 3000;
  const layers = (more: number) => [layerOf(1000), layerOf(2000 + more, "1"), layerOf(1000)];
  const fits = world(budget);
  using _fits = fits.temp;
  const first = registryOf([manifestOf(layers(0))]);
  await expect(pull(fits.puller, first.registry)).rejects.toMatchObject({ code: "IMAGE_INVALID" });
  expect([first.asked, fits.left()]).toEqual([["config"], []]);
  const over = world(budget);
  using _over = over.temp;
  const second = registryOf([manifestOf(layers(1))]);
  await expect(pull(over.puller, second.registry)).rejects.toMatchObject({ code: "IMAGE_TOO_LARGE" });
  expect(second.asked).toEqual([]);
});

test("a config of the maximum document size is requested, and one byte more is not", async () => {
  for (const [more, wanted] of [
    [0, ["config", "config", "config", "config", "config"]],
    [1, []],
  ] as const) {
    const { temp, puller, left } = world(2 ** 40);
    using _ = temp;
    const { registry, asked } = registryOf([manifestOf([layerOf(1)], maxDocument + more)]);
    await expect(pull(puller, registry)).rejects.toThrow();
    expect([asked, left()]).toEqual([[...wanted], []]);
  }
});

test("an image whose layers do not fit is refused before they are requested, and its downloads are removed", async () => {
  const { temp, paths, puller, left } = world(2 ** 40, 2 * 3000 + roomMargin - 1);
  using _ = temp;
  await ensureFolder(paths.blobs);
  const { registry, asked } = registryOf([manifestOf([layerOf(1000), layerOf(2000, "1")])]);
  await expect(pull(puller, registry)).rejects.toMatchObject({
    code: "DISK_FULL",
    message: expect.stringMatching(/needed/),
  });
  expect([asked, left()]).toEqual([["config"], []]);
});

test("a layer longer than its manifest says is cut off, and the image's downloads are removed", async () => {
  const { temp, paths, puller, left } = world(2 ** 40);
  using _ = temp;
  await ensureFolder(paths.blobs);
  writeFileSync(paths.blobPart(layerOf(0, "1").digest as Digest), "x".repeat(500));
  const { registry, asked } = registryOf([manifestOf([layerOf(5000), layerOf(6000, "1")])]);
  await expect(pull(puller, registry)).rejects.toMatchObject({ code: "DOWNLOAD_DAMAGED" });
  expect([asked[0], left()]).toEqual(["config", []]);
});

test("a manifest whose length differs from its index is refused", async () => {
  const inner = manifestOf([layerOf(1)]);
  for (const [more, words] of [
    [0, "1 layers"],
    [1, "its index says"],
    [-1, "its index says"],
  ] as const) {
    const { temp, puller } = world(2 ** 40);
    using _ = temp;
    const index = indexOf([inner], [{ size: inner.bytes.length + more }]);
    const { registry } = registryOf([index, inner]);
    const asking = pull(puller, registry);
    await expect(asking).rejects.toMatchObject({ code: "IMAGE_INVALID", message: expect.stringContaining(words) });
  }
});

test("an index in an index is followed, and no deeper", async () => {
  const inner = manifestOf([layerOf(1)]);
  const second = indexOf([inner]);
  const first = indexOf([second]);
  const outer = indexOf([first]);
  for (const [documents, words] of [
    [[first, second, inner], "1 layers"],
    [[outer, first, second, inner], "its indexes are nested too deeply"],
  ] as const) {
    const { temp, puller } = world(2 ** 40);
    using _ = temp;
    const { registry } = registryOf([...documents]);
    const asking = pull(puller, registry);
    await expect(asking).rejects.toMatchObject({ code: "IMAGE_INVALID", message: expect.stringContaining(words) });
  }
});

test("four layers are downloaded at a time", async () => {
  const { temp, puller, downloads } = world(2 ** 40);
  using _ = temp;
  const layers = [..."123456"].map((fill) => layerOf(1000, fill));
  const all = bytesOf({ os: "linux", architecture: "amd64", rootfs: { diff_ids: layers.map(({ digest }) => digest) } });
  const described = layers.map((layer) => ({ ...layer, mediaType: "application/vnd.oci.image.layer.v1.tar" }));
  const bytes = bytesOf({ schemaVersion: 2, config: { digest: sumOf(all), size: all.length }, layers: described });
  const four = Promise.withResolvers<void>();
  const stop = new AbortController();
  let open = 0;
  const body = async function* (digest: Digest) {
    if (digest === sumOf(all)) yield all;
  };
  const blob =
    (digest: Digest): OpenPart =>
    async (_from, signal) => {
      if (digest === sumOf(all)) return { from: 0, total: null, body: body(digest) };
      if (++open === 4) four.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    };
  const manifest = async () => ({ digest: sumOf(bytes), mediaType: manifestTypes[0] as string, bytes });
  const pulling = puller.pull(reference, { manifest, blob }, () => {}, stop.signal);
  await four.promise;
  // a download that begins now would come after a fifth one
  const other = { digest: sumOf(all), size: all.length, limit: all.length, from: "other", what: "other" };
  for (let i = 0; i < 3; i++) {
    await downloads.blob({ ...other, digest: sumOf(bytes), size: bytes.length }, whole(bytes), () => {}, never);
    await downloads.discard([sumOf(bytes)]);
  }
  expect(open).toBe(4);
  stop.abort(new Error("enough"));
  await expect(pulling).rejects.toThrow("enough");
});

function whole(bytes: Uint8Array): OpenPart {
  return async () => ({
    from: 0,
    total: null,
    body: (async function* () {
      yield bytes;
    })(),
  });
}

test("an image that is here is not pulled again, unless a bit of it has changed since it was last read", async () => {
  for (const isDamaged of [false, true]) {
    const layers = [layerRef({ digest: `sha256:${"ab".repeat(32)}` as Digest, bytes: 4096 })];
    const facts = { direct: null, init: "none", shell: true, source: "t", config: emptyConfig, createdAt: 0 } as const;
    const record = imageRecord({ ...facts, name: "tiny" as ImageName, layers });
    const { temp, paths, puller, verified } = world(2 ** 40, 2 ** 60, { known: () => record });
    using _ = temp;
    await ensureFolder(paths.layers);
    const [layer] = record.layers;
    if (!layer) throw new Error("it has a layer");
    const file = paths.layer(layer.digest);
    const bytes = squashfs(4096);
    writeFileSync(file, bytes);
    layer.fileDigest = (await sha256File(file)) as Digest;
    bytes[4000] = 1;
    if (isDamaged) writeFileSync(file, bytes);
    // as after a read: nobody has written to the file since then
    await verified.trust(file);
    const { registry, asked } = registryOf([manifestOf([layerOf(1)])]);
    const asking = pull(puller, registry);
    if (isDamaged) await expect(asking).rejects.toMatchObject({ code: "IMAGE_INVALID" });
    else expect((await asking).record.layers).toEqual(record.layers);
    expect(asked.length > 0).toBe(isDamaged);
  }
});

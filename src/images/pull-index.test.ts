/** Which of an index's images is pulled, and what is believed on the way there. */
import { expect, test } from "bun:test";
import { roomMargin } from "../artifacts/room.ts";
import { fail } from "../base/errors/error.ts";
import type { Digest, ImageName } from "../base/names.ts";
import { parseReference } from "../base/reference.ts";
import { ensureFolder } from "../host/files/files.ts";
import type { Layers } from "./layers.ts";
import { maxDocument } from "./oci/manifest.ts";
import { emptyConfig, imageRecord } from "./record.ts";
import type { Registry } from "./registry/client.ts";
import {
  config,
  configFor,
  indexOf,
  layerOf,
  manifestOf,
  never,
  pull,
  registryOf,
  sumOf,
  world,
} from "./testing/pull-world.ts";

const foreign = configFor("arm64");
const other = manifestOf([layerOf(7)], foreign.length, sumOf(foreign));
/** An image of ours that has one layer too few, which is noticed when its config was downloaded. */
const ours = manifestOf([layerOf(1)]);
const chosen = { code: "IMAGE_INVALID", message: expect.stringContaining("1 layers") };
const mismatch = { code: "IMAGE_INVALID", message: expect.stringContaining("does not match the digest and size") };

async function pulling(documents: Parameters<typeof registryOf>[0], blobs: Parameters<typeof registryOf>[1] = {}) {
  const { temp, puller } = world(2 ** 40);
  using _ = temp;
  const { registry, asked } = registryOf(documents, { [sumOf(foreign)]: foreign, ...blobs });
  const error = await pull(puller, registry).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return { error, asked };
}

test("of images without a platform, the one whose config is ours is pulled", async () => {
  const { error, asked } = await pulling([indexOf([other, ours]), other, ours]);
  expect(error).toMatchObject(chosen);
  // two to choose by, and one that is kept
  expect(asked.filter((what) => what !== "layer").slice(0, 3)).toEqual(["blob", "config", "config"]);
});

test("a platform in the index, or a single image, needs no config to choose by", async () => {
  const platforms = ["arm64", "amd64"].map((architecture) => ({ platform: { os: "linux", architecture } }));
  for (const documents of [
    [indexOf([other, ours], platforms), ours],
    [indexOf([ours]), ours],
  ]) {
    const { error, asked } = await pulling(documents);
    expect(error).toMatchObject(chosen);
    expect(asked.filter((what) => what === "config")).toHaveLength(1);
    expect(asked).not.toContain("blob");
  }
});

test("an image whose manifest is not as long as its index says ends the pull, although another would do", async () => {
  const wrong = indexOf([other, ours], [{ size: other.bytes.length + 1 }]);
  expect((await pulling([wrong, other, ours])).error).toMatchObject({
    code: "IMAGE_INVALID",
    message: expect.stringContaining("its index says"),
  });
});

const lies: [what: string, digest: Digest, size: number, served: Uint8Array | null][] = [
  ["is another of the same length", sumOf(foreign), foreign.length, foreign.map((byte) => byte ^ 1)],
  ["is longer than its manifest says", sumOf(foreign), foreign.length - 1, foreign],
  ["is shorter than its manifest says", sumOf(foreign), foreign.length + 1, foreign],
  ["never ends", `sha256:${"e".repeat(64)}` as Digest, 2000, null],
];
test.each(lies)("a config to choose by that %s ends the pull", async (_, digest, size, served) => {
  const lying = manifestOf([layerOf(1)], size, digest);
  const { error } = await pulling([indexOf([lying, ours]), lying, ours], served ? { [digest]: served } : {});
  expect(error).toMatchObject(mismatch);
});

test("a config to choose by has the size of a document at most", async () => {
  for (const [size, message] of [
    [maxDocument, "does not match"],
    [maxDocument + 1, "its config is too large"],
  ] as const) {
    const lying = manifestOf([layerOf(1)], size, sumOf(foreign));
    const { error, asked } = await pulling([indexOf([lying, ours]), lying, ours]);
    expect(error).toMatchObject({ message: expect.stringContaining(message) });
    expect(asked).toHaveLength(size > maxDocument ? 0 : 1);
  }
});

test("an image that was made from the same index or manifest is not pulled again", async () => {
  const facts = { direct: null, init: "none", shell: true, source: "t", createdAt: 0 } as const;
  const record = imageRecord({ ...facts, layers: [], config: emptyConfig, name: "tiny" as ImageName });
  const index = indexOf([ours]);
  for (const [source, sources, requests] of [
    [index, [index], 1],
    [ours, [index, ours], 2],
  ] as const) {
    const known = (digest: Digest) => (digest === sumOf(source.bytes) ? record : null);
    const { temp, puller } = world(2 ** 40, 2 ** 60, { known });
    using _ = temp;
    const { registry, asked, left } = registryOf([index, ours]);
    const pulled = await pull(puller, registry);
    expect(pulled.sourceDigests).toEqual(sources.map(({ bytes }) => sumOf(bytes)));
    expect([asked, left.length]).toEqual([[], 2 - requests]);
  }
});

test("layers that are stored need no room", async () => {
  const layers = { has: async ({ chain }: { chain: unknown[] }) => chain.length === 1 } as unknown as Layers;
  for (const missing of [0, 1]) {
    const { temp, paths, puller } = world(2 ** 40, 2 * 2000 + roomMargin - missing, { layers });
    using _ = temp;
    await ensureFolder(paths.blobs);
    const { registry } = registryOf([manifestOf([layerOf(1000), layerOf(2000, "1")])]);
    const error = await pull(puller, registry).catch((thrown: unknown) => thrown);
    expect((error as { code?: string }).code === "DISK_FULL").toBe(missing === 1);
  }
});

test("what was downloaded is kept for another try when the connection failed", async () => {
  const { temp, paths, puller, left } = world(2 ** 40);
  using _ = temp;
  await ensureFolder(paths.blobs);
  const { registry } = registryOf([manifestOf([layerOf(1000), layerOf(2000, "1")])]);
  const gone = fail("REGISTRY_UNREACHABLE", { registry: "r.example", problem: "gone" });
  const blob: typeof registry.blob = (digest) =>
    digest === sumOf(config) ? registry.blob(digest) : () => Promise.reject(gone);
  await expect(pull(puller, { ...registry, blob })).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
  expect(left()).toContain(sumOf(config).slice("sha256:".length));
});

test.each([
  ["r.example/team/tool", { tag: "latest" }],
  ["r.example/team/tool:v1", { tag: "v1" }],
  [`r.example/team/tool@${sumOf(config)}`, { digest: sumOf(config) }],
  [`r.example/team/tool:v1@${sumOf(config)}`, { digest: sumOf(config) }],
])("%s is asked for by what names it best", async (name, which) => {
  const { temp, puller } = world(2 ** 40);
  using _ = temp;
  const asked: unknown[] = [];
  const { registry } = registryOf([ours]);
  const manifest: Registry["manifest"] = (wanted) => {
    asked.push(wanted);
    return Promise.reject(new Error("asked"));
  };
  const pulled = puller.pull(parseReference(name), { ...registry, manifest }, () => {}, never);
  await expect(pulled).rejects.toThrow("asked");
  expect(asked).toEqual([which]);
});

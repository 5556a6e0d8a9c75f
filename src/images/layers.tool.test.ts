/** A layer's name covers everything that decides the file's content, and an intact stored layer is never replaced. */
import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import type { Digest } from "../base/names.ts";
import { archive, chunked, file, folder } from "../formats/tar/testing/archive.ts";
import { sha256File } from "../host/files/files.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { pathsOf } from "../model/paths.ts";
import { defaultBudget } from "./deps.ts";
import type { LayerSource } from "./layer/convert.ts";
import { withUnion } from "./open-union.ts";
import { imageDeps } from "./testing/image-deps.ts";
import { listUnion } from "./testing/listing.ts";

const options = {
  during: "testing",
  budget: defaultBudget,
  onProgress() {},
  signal: new AbortController().signal,
};
const only = (title: string, body: (world: World) => Promise<void>) =>
  gatedTest("tool:sqfstar", title, async () => {
    using temp = tempFolder();
    const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
    await body(imageDeps(paths));
  });
type World = ReturnType<typeof imageDeps>;

/** As a layer it removes `a`; as a tree it has a file of that odd name. */
const tar = archive([folder("etc"), file("etc/.wh.a", ""), file("etc/b", "b")]);
const diffId = `sha256:${createHash("sha256").update(tar).digest("hex")}` as Digest;
const source: LayerSource = {
  open: () => chunked(tar),
  canReopen: true,
  lower: null,
  end: "marker",
  mustHaveFiles: true,
};
const names = async (world: World, digest: Digest) => {
  const layer = { digest, bytes: 0, root: null, hidesAll: false };
  return (await withUnion(world.paths, [layer], listUnion)).map(({ path }) => path);
};

only("one stream read as a layer, as a tree and as data gives three layers", async (world) => {
  const made = [];
  for (const as of ["layer", "tree", "data"] as const)
    made.push(await world.layers.add({ ...source, as }, [], options));
  expect(new Set(made.map(({ digest }) => digest)).size).toBe(3);
  const [layer, tree] = made.map(({ digest }) => digest);
  expect(await names(world, layer as Digest)).toEqual(["etc", "etc/b"]);
  expect(await names(world, tree as Digest)).toEqual(["etc", "etc/.wh.a", "etc/b"]);
});

only("a stream that is stored as a layer is read again when a tree is wanted", async (world) => {
  const plain = await world.layers.add(source, [], options);
  let opened = 0;
  const open = async () => {
    opened++;
    return source;
  };
  const tree = await world.layers.ensure({ chain: [diffId], as: "tree", from: "a" }, open, options);
  expect(opened).toBe(1);
  expect(await names(world, tree.digest)).toContain("etc/.wh.a");
  expect(await world.layers.ensure({ chain: [diffId], as: "tree", from: "a" }, open, options)).toEqual(tree);
  expect(await world.layers.ensure({ chain: [diffId], as: "layer", from: "a" }, open, options)).toEqual(plain);
  expect(opened).toBe(1);
});

only("an intact layer that the store knows stays as it is; a damaged one is made again", async (world) => {
  const first = await world.layers.add(source, [], options);
  const path = world.paths.layer(first.digest);
  const before = statSync(path).ino;
  expect(await world.layers.add(source, [], options)).toEqual(first);
  expect(statSync(path).ino).toBe(before);
  truncateSync(path, 100);
  expect(await world.layers.add(source, [], options)).toEqual(first);
  expect(statSync(path).size).toBe(first.bytes);
  // of the same size, and with an intact header
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  writeFileSync(path, bytes);
  const open = async () => source;
  expect(await world.layers.ensure({ chain: [diffId], as: "layer", from: "a" }, open, options)).toEqual(first);
  expect(await sha256File(path)).toBe(first.fileDigest as Digest);
});

/** An image never has more layers than every driver takes, and merging changes nothing of what it shows. */
import { expect } from "bun:test";
import { archive, chunked, file, folder } from "../formats/tar/testing/archive.ts";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import type { LayerRef } from "../model/artifact.ts";
import { pathsOf } from "../model/paths.ts";
import { defaultBudget } from "./deps.ts";
import { mergeLayers } from "./merge.ts";
import { withUnion } from "./open-union.ts";
import { maxLayers } from "./record.ts";
import { imageDeps } from "./testing/image-deps.ts";
import { listUnion } from "./testing/listing.ts";

const signal = new AbortController().signal;
const options = { during: "testing", budget: defaultBudget, onProgress() {}, signal };

/** Each layer adds a file, changes one, and removes the one before. */
const layerTar = (at: number) =>
  archive([folder("d"), file(`d/own${at}`, `${at}`), file("d/changed", `${at}`), file(`d/.wh.own${at - 1}`, "")]);

gatedTest("tool:sqfstar", "layers are kept up to the limit, and merged one past it", async () => {
  using temp = tempFolder();
  const deps = imageDeps(pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path }));
  const layers: LayerRef[] = [];
  for (let at = 0; at <= maxLayers; at++) {
    const open = () => chunked(layerTar(at));
    const source = { open, canReopen: true, lower: null, end: "marker", mustHaveFiles: true, as: "layer" } as const;
    layers.push(await deps.layers.add(source, [], options));
  }
  const events: string[] = [];
  const merge = (some: readonly LayerRef[]) =>
    mergeLayers(deps, some, (event) => "text" in event && events.push(event.text), signal);
  const fitting = layers.slice(0, maxLayers);
  expect(await merge(fitting)).toEqual(fitting);
  expect(events).toEqual([]);
  const merged = await merge(layers);
  expect(merged).toHaveLength(maxLayers);
  expect(events).toEqual([`merging 2 of ${maxLayers + 1} layers`]);
  expect(await withUnion(deps.paths, merged, listUnion)).toEqual(await withUnion(deps.paths, layers, listUnion));
});

/** Which requests share the work on a layer: a diff id is only what an untrusted source states. */
import { expect, test } from "bun:test";
import type { Digest } from "../base/names.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { pathsOf } from "../model/paths.ts";
import { Layers, type UnchangedSource } from "./layers.ts";

const diffId = `sha256:${"1".repeat(64)}` as Digest;

function world() {
  const temp = tempFolder();
  const { path } = temp;
  const paths = pathsOf({ state: path, cache: path, config: path, runtime: path });
  const layers = new Layers({ paths, knownLayer: () => null, verified: {} as never, cpus: 2, cage: {} as never });
  const options = {
    during: "testing",
    budget: { bytes: 1000, entries: 10 },
    onProgress() {},
    signal: new AbortController().signal,
  };
  const ensure = (from: string, open: () => Promise<UnchangedSource>) =>
    layers.ensure({ chain: [diffId], as: "layer", from }, open, options);
  return { temp, ensure };
}

test("work on the same layer from another source is not waited for", async () => {
  const { temp, ensure } = world();
  using _ = temp;
  const slow = Promise.withResolvers<UnchangedSource>();
  const evil = ensure("evil", () => slow.promise);
  await expect(ensure("good", () => Promise.reject(new Error("good was asked")))).rejects.toThrow("good was asked");
  slow.reject(new Error("evil"));
  await expect(evil).rejects.toThrow("evil");
});

test("a request that joined failing work does its own, once", async () => {
  const { temp, ensure } = world();
  using _ = temp;
  const first = Promise.withResolvers<UnchangedSource>();
  let asked = 0;
  const leading = ensure("a", () => first.promise);
  const joined = ensure("a", () => {
    asked += 1;
    return Promise.reject(new Error("its own"));
  });
  const ends = Promise.allSettled([leading, joined]);
  first.reject(new Error("the first"));
  expect((await ends).map((end) => end.status === "rejected" && (end.reason as Error).message)).toEqual([
    "the first",
    "its own",
  ]);
  expect(asked).toBe(1);
});

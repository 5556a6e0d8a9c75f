import { expect, test } from "bun:test";
import type { ImageName } from "../base/names.ts";
import type { LayerRef } from "../model/artifact.ts";
import { digestOf, layerRef } from "../store/testing/records.ts";
import { changedConfig, emptyConfig, imageDigest, imageRecord, rootOf } from "./record.ts";

const layer = (digit: string) => layerRef({ digest: digestOf(digit), bytes: 1 });
const plain = (layers: LayerRef[]) => ({ layers, direct: null, config: emptyConfig });

test("layers, their order and the config determine an image's digest; name, time and packed size do not", () => {
  const digest = imageDigest(plain([layer("a"), layer("b")]));
  expect(imageDigest(plain([{ ...layer("a"), bytes: 9 }, layer("b")]))).toBe(digest);
  expect(imageDigest(plain([layer("b"), layer("a")]))).not.toBe(digest);
  const one = plain([layer("a"), layer("b")]);
  expect(imageDigest({ ...one, config: { ...emptyConfig, user: "x" } })).not.toBe(digest);
  expect(imageDigest({ ...one, direct: layer("c") })).not.toBe(digest);
  const facts = { ...one, init: "none", shell: false, source: "s" } as const;
  expect(imageRecord({ ...facts, name: "x" as ImageName, createdAt: 5 }).digest).toBe(digest);
});

test("the highest layer with attributes of the root folder decides", () => {
  const root = { mode: 0o700, uid: 5, gid: 6 };
  expect(rootOf([layerRef(), layerRef({ root }), layerRef({ root: null })])).toEqual(root);
  expect(rootOf([layerRef({ root: null })])).toEqual({ mode: 0o755, uid: 0, gid: 0 });
});

test("a changed config: variables are added, the rest is replaced, an entrypoint removes the command", () => {
  const base = { env: { A: "1", B: "2" }, entrypoint: ["/e"], cmd: ["c"], workdir: "/w", user: "u" };
  expect(changedConfig(base, {})).toEqual(base);
  expect(changedConfig(base, { env: { B: "3", C: "4" }, workdir: "" })).toEqual({
    ...base,
    env: { A: "1", B: "3", C: "4" },
    workdir: "",
  });
  expect(changedConfig(base, { cmd: ["d"] })).toEqual({ ...base, cmd: ["d"] });
  expect(changedConfig(base, { entrypoint: ["/f"] })).toEqual({ ...base, entrypoint: ["/f"], cmd: [] });
  expect(changedConfig(base, { entrypoint: [], cmd: ["d"] })).toEqual({ ...base, entrypoint: [], cmd: ["d"] });
});

test("the order of environment variables does not matter", () => {
  const one = imageDigest({ ...plain([]), config: { ...emptyConfig, env: { A: "1", B: "2" } } });
  expect(imageDigest({ ...plain([]), config: { ...emptyConfig, env: { B: "2", A: "1" } } })).toBe(one);
});

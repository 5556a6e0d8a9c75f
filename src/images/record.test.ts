import { expect, test } from "bun:test";
import type { Digest, ImageName } from "../base/names.ts";
import { emptyConfig, imageDigest, imageRecord } from "./record.ts";

const layer = (digit: string) => ({ digest: `sha256:${digit.repeat(64)}` as Digest, bytes: 1 });

test("layers, their order and the config make an image; name, time and packed size do not", () => {
  const digest = imageDigest([layer("a"), layer("b")], emptyConfig);
  expect(imageDigest([{ ...layer("a"), bytes: 9 }, layer("b")], emptyConfig)).toBe(digest);
  expect(imageDigest([layer("b"), layer("a")], emptyConfig)).not.toBe(digest);
  expect(imageDigest([layer("a"), layer("b")], { ...emptyConfig, user: "x" })).not.toBe(digest);
  const facts = { layers: [layer("a"), layer("b")], init: "none", source: "s", config: emptyConfig } as const;
  const record = imageRecord({ ...facts, layers: [...facts.layers], name: "x" as ImageName, createdAt: 5 });
  expect(record.digest).toBe(digest);
});

test("the order of environment variables does not matter", () => {
  const one = imageDigest([], { ...emptyConfig, env: { A: "1", B: "2" } });
  expect(imageDigest([], { ...emptyConfig, env: { B: "2", A: "1" } })).toBe(one);
});

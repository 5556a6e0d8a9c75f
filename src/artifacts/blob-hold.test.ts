import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Digest } from "../base/names.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { pathsOf } from "../model/paths.ts";
import { Downloads, type Part } from "./download.ts";
import { removeLeftovers } from "./strays.ts";

const never = new AbortController().signal;
const content = Buffer.from("a layer that two images have");
const digest = `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;
const wanted = (from: string) => ({ digest, size: content.length, limit: content.length, from, what: "tool" });

async function* pieces(...some: Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  yield* some;
}
const whole = async (from: number): Promise<Part> => ({
  from,
  total: content.length,
  body: pieces(content.subarray(from)),
});

function home() {
  const temp = tempFolder();
  const { path } = temp;
  const paths = pathsOf({ state: path, cache: path, config: path, runtime: path });
  /** a separate instance, as another daemon has */
  const downloads = () => new Downloads({ paths, pause: async () => {} });
  return { temp, paths, downloads };
}

test("a blob stays while it is in use, in this daemon or another; the last user to release it removes it", async () => {
  for (const isOther of [false, true]) {
    const { temp, downloads } = home();
    using _ = temp;
    const one = downloads();
    const two = isOther ? downloads() : one;
    const [good, evil] = [one.hold(), two.hold()];
    const path = await good.blob(wanted("good"), whole, () => {}, never);
    expect(await evil.blob(wanted("evil"), whole, () => {}, never)).toBe(path);
    await evil.release([digest]);
    await two.discard([digest]);
    expect(readFileSync(path)).toEqual(content);
    await good.release([digest]);
    expect(existsSync(path)).toBe(false);
  }
});

test("a blob released without discarding is kept for the next try, and can then be removed by anyone", async () => {
  const { temp, paths, downloads } = home();
  using _ = temp;
  const all = downloads();
  const hold = all.hold();
  const path = await hold.blob(wanted("good"), whole, () => {}, never);
  await hold.release();
  expect(existsSync(path)).toBe(true);
  await all.discard([digest]);
  expect(readdirSync(paths.blobs)).toEqual([]);
});

test("pruning leaves a blob that is in use, and reports it", async () => {
  const { temp, paths, downloads } = home();
  using _ = temp;
  const hold = downloads().hold();
  const path = await hold.blob(wanted("good"), whole, () => {}, never);
  const prune = () => removeLeftovers(paths, { kept: [], known: { layers: new Set(), kernels: new Set() } }, false);
  expect(await prune()).toEqual({ files: 0, bytes: 0 });
  expect(existsSync(path)).toBe(true);
  await hold.release();
  expect((await prune()).files).toBe(1);
  expect(existsSync(path)).toBe(false);
});

test("a request to another source for the same blob neither waits for the first nor fails with it", async () => {
  const { temp, downloads } = home();
  using _ = temp;
  const all = downloads();
  const holds = [all.hold(), all.hold()] as const;
  const gate = Promise.withResolvers<Part>();
  const evil = holds[0].blob(
    wanted("evil"),
    () => gate.promise,
    () => {},
    never,
  );
  const path = await holds[1].blob(wanted("good"), whole, () => {}, never);
  expect(readFileSync(path)).toEqual(content);
  gate.reject(new Error("gone"));
  await expect(evil).rejects.toThrow("gone");
  expect(readFileSync(path)).toEqual(content);
  for (const hold of holds) await hold.release();
});

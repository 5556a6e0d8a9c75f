import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { fail } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { pathsOf } from "../model/paths.ts";
import { Downloads, type OpenPart, type Part } from "./download.ts";
import { TransientError } from "./retry.ts";

const never = new AbortController().signal;
const content = Buffer.from(new Uint8Array(200_000).map((_, at) => (at * 7) % 251));
const digest = `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;
const wanted = { digest, size: content.length, limit: content.length, what: "tool" };

function home() {
  const temp = tempFolder();
  const { path } = temp;
  const paths = pathsOf({ state: path, cache: path, config: path, runtime: path });
  const pauses: number[] = [];
  const pause = async (ms: number) => void pauses.push(ms);
  /** as another daemon would have it */
  const downloads = () => new Downloads({ paths, pause });
  const get = (open: OpenPart, signal = never, by = downloads()) => by.blob(wanted, open, () => {}, signal);
  return { temp, paths, pauses, downloads, get };
}

async function* pieces(...some: Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  yield* some;
}

const whole = (from: number): Part => ({ from, total: content.length, body: pieces(content.subarray(from)) });
const bytesAt = async (path: string) => Buffer.from(await Bun.file(path).bytes());

test("two daemons that share a cache don't write into each other's file", async () => {
  const { temp, paths, get } = home();
  using _ = temp;
  const gate = Promise.withResolvers<void>();
  const bothAsked = Promise.withResolvers<void>();
  let asked = 0;
  const slow: OpenPart = async (from) => {
    asked += 1;
    if (asked === 2) bothAsked.resolve();
    const body = async function* () {
      yield content.subarray(from, 50_000);
      await gate.promise;
      yield content.subarray(Math.max(from, 50_000));
    };
    return { from, total: null, body: body() };
  };
  const both = [get(slow), get(slow)];
  await bothAsked.promise;
  gate.resolve();
  for (const path of await Promise.all(both)) expect(await bytesAt(path)).toEqual(content);
  expect(readdirSync(paths.blobs)).toEqual([digest.slice("sha256:".length)]);
});

test("one who finds the other's file half done, and then whole, asks for nothing more than its own", async () => {
  const { temp, get } = home();
  using _ = temp;
  const path = await get(async (from) => whole(from));
  expect(await get(() => Promise.reject(new Error("asked")))).toBe(path);
});

test("what a killed process left is gone on with", async () => {
  const { temp, paths, get } = home();
  using _ = temp;
  const code = `import { Downloads } from ${JSON.stringify(`${import.meta.dir}/download.ts`)};
    const blob = (name) => ${JSON.stringify(paths.blobs)} + "/" + name;
    const paths = { blobs: blob(""), blob: () => blob("whole"), blobPart: () => ${JSON.stringify(paths.blobPart(digest))} };
    const body = async function* () { yield new Uint8Array(50_000).map((_, at) => (at * 7) % 251); await new Promise(() => {}); };
    const stay = setInterval(() => {}, 1000);
    await new Downloads({ paths, pause: async () => {} }).blob(${JSON.stringify(wanted)},
      async () => ({ from: 0, total: null, body: body() }), (done) => console.log(done), new AbortController().signal);`;
  const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
  const lines = child.stdout.getReader();
  for (let text = ""; !text.includes("50000"); ) {
    const { done, value } = await lines.read();
    if (done) throw new Error("the child ended early");
    text += Buffer.from(value).toString();
  }
  child.kill("SIGKILL");
  await child.exited;
  const asked: number[] = [];
  const path = await get(async (from) => {
    asked.push(from);
    return whole(from);
  });
  expect(asked).toEqual([50_000]);
  expect(await bytesAt(path)).toEqual(content);
});

test("what a liar left is thrown away once, and does not spoil the next download", async () => {
  const { temp, paths, get } = home();
  using _ = temp;
  await Bun.write(paths.blobPart(digest), new Uint8Array(1000));
  const asked: number[] = [];
  const path = await get(async (from) => {
    asked.push(from);
    return whole(from);
  });
  expect(asked).toEqual([1000, 0]);
  expect(await bytesAt(path)).toEqual(content);
  const lies = home();
  using _lies = lies.temp;
  await Bun.write(lies.paths.blobPart(digest), new Uint8Array(1000));
  const lie = async (from: number) => ({ ...whole(from), body: pieces(new Uint8Array(content.length - from)) });
  await expect(lies.get(lie)).rejects.toMatchObject({ code: "DOWNLOAD_DAMAGED" });
  expect(readdirSync(lies.paths.blobs)).toEqual([]);
});

test("a part that is whole already is checked and asked for by nobody", async () => {
  const { temp, paths, get } = home();
  using _ = temp;
  await Bun.write(paths.blobPart(digest), content);
  const path = await get(() => Promise.reject(new Error("asked")));
  expect(await bytesAt(path)).toEqual(content);
});

test("an abort ends it while what is there is read, and keeps that", async () => {
  const { temp, paths, get } = home();
  using _ = temp;
  await Bun.write(paths.blobPart(digest), content.subarray(0, 1000));
  const stop = new AbortController();
  const asking = get(() => Promise.reject(new Error("asked")), stop.signal);
  stop.abort(new Error("given up"));
  await expect(asking).rejects.toThrow("given up");
  expect(await bytesAt(paths.blobPart(digest))).toHaveLength(1000);
});

test("an answer that is refused unread is given up, and so is its connection", async () => {
  const { temp, get } = home();
  using _ = temp;
  const signals: AbortSignal[] = [];
  const wrong: OpenPart = async (_from, signal) => {
    signals.push(signal);
    return { from: 5, total: null, body: pieces(content) };
  };
  await expect(get(wrong)).rejects.toMatchObject({ code: "DOWNLOAD_DAMAGED" });
  expect(signals.map((signal) => signal.aborted)).toEqual([true]);
});

test("five failures in a row are the last; what is here is kept, and bytes that come begin the count anew", async () => {
  const { temp, paths, pauses, get } = home();
  using _ = temp;
  const gone = new TransientError(fail("REGISTRY_UNREACHABLE", { registry: "r", problem: "gone" }));
  let asked = 0;
  const open: OpenPart = async (from) => {
    asked += 1;
    if (asked % 3 !== 0 || from >= 20_000) throw gone;
    const body = async function* () {
      yield content.subarray(from, from + 10_000);
      throw gone;
    };
    return { from, total: null, body: body() };
  };
  await expect(get(open)).rejects.toMatchObject({ code: "REGISTRY_UNREACHABLE" });
  expect(await bytesAt(paths.blobPart(digest))).toEqual(content.subarray(0, 20_000));
  expect(asked).toBe(10);
  const growing = pauses.slice(-4);
  expect(growing.toSorted((a, b) => a - b)).toEqual(growing);
});

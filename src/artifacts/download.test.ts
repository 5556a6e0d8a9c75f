import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { fail } from "../base/errors/error.ts";
import type { Digest } from "../base/names.ts";
import type { OpenPart } from "./download.ts";
import { TransientError } from "./retry.ts";
import { bytesAt, content, digest, home, never, wanted, whole } from "./testing/download-home.ts";

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

test("a blob that another daemon has downloaded is used without a request", async () => {
  const { temp, get } = home();
  using _ = temp;
  const path = await get(async (from) => whole(from));
  expect(await get(() => Promise.reject(new Error("asked")))).toBe(path);
});

test("a download continues from what a killed process left", async () => {
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

test("a download without any trouble is asked for once, and pauses nowhere", async () => {
  const { temp, pauses, get } = home();
  using _ = temp;
  const asked: (number | undefined)[][] = [];
  await get(async (from, _signal, most) => {
    asked.push([from, most]);
    return whole(from);
  });
  expect([asked, pauses]).toEqual([[[0, undefined]], []]);
});

test("a partial file that is already complete is checked, and nothing is requested", async () => {
  const { temp, paths, get } = home();
  using _ = temp;
  await Bun.write(paths.blobPart(digest), content);
  const path = await get(() => Promise.reject(new Error("asked")));
  expect(await bytesAt(path)).toEqual(content);
});

test("a partial file that is longer than the blob is not read; one that is as long as allowed is", async () => {
  for (const size of [content.length, null]) {
    for (const [extra, requests] of [
      [0, []],
      [1, [0]],
    ] as const) {
      const { temp, paths, downloads } = home();
      using _ = temp;
      await Bun.write(paths.blobPart(digest), Buffer.concat([content, Buffer.alloc(extra)]));
      const asked: number[] = [];
      const progress: number[] = [];
      const open = async (from: number) => {
        asked.push(from);
        // of an unknown size, there may always be more
        return { ...whole(from), from };
      };
      const blob = { ...wanted, size };
      const path = await downloads().blob(blob, open, (done) => progress.push(done), never);
      expect(await bytesAt(path)).toEqual(content);
      expect(asked).toEqual(size === null && extra === 0 ? [content.length] : [...requests]);
      expect(Math.max(...progress)).toBe(content.length);
    }
  }
});

test("an abort while the partial file is read ends the download and keeps the file", async () => {
  const { temp, paths, get } = home();
  using _ = temp;
  await Bun.write(paths.blobPart(digest), content.subarray(0, 1000));
  const stop = new AbortController();
  const asking = get(() => Promise.reject(new Error("asked")), stop.signal);
  stop.abort(new Error("given up"));
  await expect(asking).rejects.toThrow("given up");
  expect(await bytesAt(paths.blobPart(digest))).toHaveLength(1000);
});

test("it gives up after five failures in a row and keeps the partial file; received bytes reset the count", async () => {
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

const lengths: [what: string, size: number | null, limit: number, sent: number, isFine: boolean][] = [
  ["as long as it says", 1000, 1000, 1000, true],
  ["a byte longer than it says", 1000, 2000, 1001, false],
  ["a byte shorter than it says", 1000, 1000, 999, false],
  ["of unknown length, at the limit", null, 1000, 1000, true],
  ["of unknown length, a byte over the limit", null, 1000, 1001, false],
];

for (const [what, size, limit, sent, isFine] of lengths) {
  for (const isSaid of [true, false]) {
    test(`a blob ${what}${isSaid ? ", with its length announced," : ""} is ${isFine ? "accepted" : "refused, and nothing is left"}`, async () => {
      const { temp, paths, downloads } = home();
      using _ = temp;
      const bytes = content.subarray(0, sent);
      let given = 0;
      const body = async function* () {
        for (const byte of bytes) {
          given += 1;
          yield Uint8Array.of(byte);
        }
        // a sender that never ends
        while (!isFine && sent > limit) yield Uint8Array.of(++given);
      };
      const sum = `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
      const open: OpenPart = async () => ({ from: 0, total: isSaid ? sent : null, body: body() });
      const asking = downloads().blob(
        { digest: sum, size, limit, from: "r.example/tool", what: "tool" },
        open,
        () => {},
        never,
      );
      if (isFine) return expect(await bytesAt(await asking)).toEqual(bytes);
      await expect(asking).rejects.toMatchObject({ code: "DOWNLOAD_DAMAGED" });
      const isAnnounced = isSaid && (size !== null || sent > limit);
      if (isAnnounced) expect(given).toBe(0);
      expect(given).toBeLessThanOrEqual(Math.max(limit, sent) + 1 + 5 * sent);
      expect(readdirSync(paths.blobs)).toEqual([]);
    });
  }
}

test("discarded blobs are removed, except a partial download in progress", async () => {
  const { temp, paths, downloads, get } = home();
  using _ = temp;
  await Bun.write(paths.blob(digest), content);
  await Bun.write(paths.blobPart(digest), content);
  await downloads().discard([digest, digest]);
  expect(readdirSync(paths.blobs)).toEqual([]);
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const body = async function* () {
    yield content.subarray(0, 1000);
    begun.resolve();
    await gate.promise;
    yield content.subarray(1000);
  };
  const getting = get(async () => ({ from: 0, total: null, body: body() }));
  await begun.promise;
  await downloads().discard([digest]);
  gate.resolve();
  expect(await bytesAt(await getting)).toEqual(content);
});

test("a blob that somebody holds is not discarded, even before its reader has opened it", async () => {
  const { temp, paths, downloads } = home();
  using _ = temp;
  const all = downloads();
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const hold = all.hold();
  const slow: OpenPart = async (from) => {
    asked.resolve();
    await gate.promise;
    return whole(from);
  };
  const getting = hold.blob(wanted, slow, () => {}, never);
  await asked.promise;
  // another daemon is faster
  await Bun.write(paths.blob(digest), content);
  await all.discard([digest]);
  expect(await bytesAt(paths.blob(digest))).toEqual(content);
  gate.resolve();
  await getting;
  await hold.release([digest]);
  expect(readdirSync(paths.blobs)).toEqual([]);
});

test("over a connection that breaks after some bytes and can lose them, pieces that arrive whole are requested", async () => {
  const { temp, get, pauses } = home();
  using _ = temp;
  let asked = 0;
  const sizes: (number | undefined)[] = [];
  const brittle: OpenPart = async (from, _signal, most) => {
    sizes.push(most);
    const wanted = Math.min(most ?? content.length, content.length - from);
    const body = async function* () {
      if (wanted <= 10_240) yield content.subarray(from, from + wanted);
      else throw new TransientError(fail("REGISTRY_UNREACHABLE", { registry: "r", problem: "the line broke" }));
    };
    asked++;
    return { from, total: content.length, body: body() };
  };
  expect(await bytesAt(await get(brittle))).toEqual(content);
  expect(asked).toBeLessThan(60);
  // sixteen whole ones, and then a larger size is tried
  const whole16 = Array(16).fill(8192);
  expect(sizes.slice(0, 21)).toEqual([undefined, 65_536, 16_384, ...whole16, 16_384, 8192]);
  expect(pauses.length).toBeLessThan(10);
});

test("a busy server is not asked for smaller pieces", async () => {
  const { temp, get } = home();
  using _ = temp;
  const sizes: (number | undefined)[] = [];
  const busy: OpenPart = async (from, _signal, most) => {
    sizes.push(most);
    if (sizes.length < 4) throw new TransientError(fail("REGISTRY_LIMITED", { registry: "r", problem: "busy" }));
    return whole(from);
  };
  await get(busy);
  expect(sizes).toEqual([undefined, undefined, undefined, undefined]);
});

/** Sources of a download that send something else than they should, or than was requested. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { fail } from "../base/errors/error.ts";
import type { OpenPart } from "./download.ts";
import { TransientError } from "./retry.ts";
import { bytesAt, content, digest, home, pieces, whole } from "./testing/download-home.ts";

test("a partial file from a bad source is discarded once, and does not spoil the next download", async () => {
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

test("a fresh download that is damaged is not tried again; one that began with a leftover byte is, from the start", async () => {
  for (const [leftover, requests] of [
    [0, [0]],
    [1, [1, 0]],
    // it is not used
    [content.length + 1, [0]],
  ] as const) {
    const { temp, paths, pauses, get } = home();
    using _ = temp;
    if (leftover > 0) await Bun.write(paths.blobPart(digest), new Uint8Array(leftover));
    const asked: number[] = [];
    const lie: OpenPart = async (from) => {
      asked.push(from);
      return { ...whole(from), body: pieces(new Uint8Array(content.length - from)) };
    };
    await expect(get(lie)).rejects.toMatchObject({ code: "DOWNLOAD_DAMAGED" });
    expect([asked, pauses]).toEqual([[...requests], []]);
  }
});

test("an answer that begins elsewhere than requested is refused unread, and its connection aborted", async () => {
  for (const begins of [1, 5]) {
    const { temp, get } = home();
    using _ = temp;
    const signals: AbortSignal[] = [];
    const wrong: OpenPart = async (_from, signal) => {
      signals.push(signal);
      return { from: begins, total: null, body: pieces(content) };
    };
    await expect(get(wrong)).rejects.toMatchObject({ code: "DOWNLOAD_DAMAGED" });
    expect(signals.map((signal) => signal.aborted)).toEqual([true]);
  }
});

test("an answer that begins at 0 instead replaces what is there", async () => {
  const { temp, paths, pauses, get } = home();
  using _ = temp;
  await Bun.write(paths.blobPart(digest), new Uint8Array(1000));
  const asked: number[] = [];
  const path = await get(async (from) => {
    asked.push(from);
    return whole(0);
  });
  expect([asked, pauses]).toEqual([[1000], []]);
  expect(await bytesAt(path)).toEqual(content);
});

test("what one source spoilt before it broke is not blamed on the next: it is asked again, from the start", async () => {
  const { temp, pauses, get } = home();
  using _ = temp;
  const gone = new TransientError(fail("REGISTRY_UNREACHABLE", { registry: "r", problem: "gone" }));
  const asked: [source: string, from: number][] = [];
  let distrusted = 0;
  const mirror = async function* () {
    yield new Uint8Array(1000);
    throw gone;
  };
  const path = await get(async (from) => {
    asked.push([distrusted > 0 ? "registry" : "mirror", from]);
    if (distrusted > 0) return whole(from);
    return { from, total: null, body: mirror(), distrust: () => void distrusted++ };
  });
  const requests = [
    ["mirror", 0],
    ["registry", 1000],
    ["registry", 0],
  ];
  expect([asked, distrusted, pauses.length]).toEqual([requests as typeof asked, 1, 1]);
  expect(await bytesAt(path)).toEqual(content);
});

test("a whole blob of other bytes is blamed on its source, and the next source is asked for all of it", async () => {
  const { temp, pauses, get } = home();
  using _ = temp;
  const asked: number[] = [];
  let distrusted = 0;
  const path = await get(async (from) => {
    if (asked.push(from) > 2) throw new Error("asked again");
    if (distrusted > 0) return whole(from);
    return { ...whole(from), body: pieces(new Uint8Array(content.length)), distrust: () => void distrusted++ };
  });
  expect([asked, distrusted, pauses]).toEqual([[0, 0], 1, []]);
  expect(await bytesAt(path)).toEqual(content);
});

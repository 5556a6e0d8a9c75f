/** A download's room on the disk: looked at before and during it. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import type { Digest } from "../base/names.ts";
import type { DownloadDeps } from "./download.ts";
import { roomMargin } from "./room.ts";
import { bytesAt, content, digest, home, never, wanted, whole } from "./testing/download-home.ts";

const room = (free: number): Partial<DownloadDeps> => ({ freeBytes: async () => free });

test("a blob that just fits is downloaded; with one byte less of room nothing is requested", async () => {
  const fits = home(room(content.length + roomMargin));
  using _fits = fits.temp;
  expect(await bytesAt(await fits.get(async (from) => whole(from)))).toEqual(content);
  const short = home(room(content.length + roomMargin - 1));
  using _short = short.temp;
  const asking = short.get(() => Promise.reject(new Error("asked")));
  await expect(asking).rejects.toMatchObject({
    code: "DISK_FULL",
    message: expect.stringMatching(/32\.\d MiB are needed, 32\.\d MiB are free/),
  });
  expect(readdirSync(short.paths.blobs)).toEqual([]);
});

test("the partial file needs no further room, and is removed if there is none for the rest", async () => {
  const fits = home(room(content.length - 1000 + roomMargin));
  using _fits = fits.temp;
  await Bun.write(fits.paths.blobPart(digest), content.subarray(0, 1000));
  expect(await bytesAt(await fits.get(async (from) => whole(from)))).toEqual(content);
  const short = home(room(content.length - 1001 + roomMargin));
  using _short = short.temp;
  await Bun.write(short.paths.blobPart(digest), content.subarray(0, 1000));
  await expect(short.get(async (from) => whole(from))).rejects.toMatchObject({ code: "DISK_FULL" });
  expect(readdirSync(short.paths.blobs)).toEqual([]);
});

test("a disk that others fill during the download is noticed, and nothing is left", async () => {
  let looks = 0;
  const { temp, paths, downloads } = home({ freeBytes: async () => (++looks < 3 ? 2 ** 50 : 0) });
  using _ = temp;
  const mebibyte = new Uint8Array(1024 ** 2);
  let sent = 0;
  const endless = async function* () {
    for (; ; sent++) yield mebibyte;
  };
  const large = { ...wanted, size: 2 ** 40, limit: 2 ** 40 };
  const asking = downloads().blob(
    large,
    async () => ({ from: 0, total: null, body: endless() }),
    () => {},
    never,
  );
  await expect(asking).rejects.toMatchObject({ code: "DISK_FULL" });
  expect([looks, sent < 40]).toEqual([3, true]);
  expect(readdirSync(paths.blobs)).toEqual([]);
});

test("room for several blobs counts each once, as downloaded and as stored, minus what is on disk", async () => {
  const blobs = [
    { digest, size: 1000 },
    { digest, size: 1000 },
  ];
  const two = home(room(2000 + roomMargin));
  using _two = two.temp;
  await two.downloads().requireRoom(blobs);
  const less = home(room(1999 + roomMargin));
  using _less = less.temp;
  await expect(less.downloads().requireRoom(blobs)).rejects.toMatchObject({ code: "DISK_FULL" });
  await Bun.write(less.paths.blobPart(digest), new Uint8Array(1));
  await less.downloads().requireRoom(blobs);
});

/** With a leftover, the source begins from the start all the same. */
test.each([0, 1])("free space is looked at once for each 16 MiB, with a leftover of %p bytes", async (leftover) => {
  const bytes = 40 * 1024 ** 2;
  const piece = new Uint8Array(1024 ** 2);
  const looked: number[] = [];
  let sent = 0;
  const { temp, paths, downloads } = home({
    freeBytes: async () => {
      looked.push(sent);
      return 2 ** 50;
    },
  });
  using _ = temp;
  const body = async function* () {
    for (; sent < bytes; ) {
      sent += piece.length;
      yield piece;
    }
  };
  const sum = `sha256:${createHash("sha256").update(new Uint8Array(bytes)).digest("hex")}` as Digest;
  const zeros = { ...wanted, digest: sum, size: bytes, limit: bytes };
  await Bun.write(paths.blobPart(sum), new Uint8Array(leftover));
  await downloads().blob(
    zeros,
    async () => ({ from: 0, total: null, body: body() }),
    () => {},
    never,
  );
  expect(looked).toEqual([0, 16 * 1024 ** 2, 32 * 1024 ** 2]);
});

/** What is removed automatically, and what only when a user asks for it. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { tempFolder } from "../host/testing/temp.ts";
import { pathsOf } from "../model/paths.ts";
import { digestOf } from "../store/testing/records.ts";
import { removeLeftovers, removeOwnStrays, removeUnfinished } from "./strays.ts";

const [wanted, ours, former] = [digestOf("1"), digestOf("2"), digestOf("3")];
const known = { layers: new Set([wanted]), kernels: new Set([wanted]) };
const since = Date.parse("2026-01-01");
/** seconds */
const [before, after] = [since / 1000 - 1, since / 1000];

function world() {
  const temp = tempFolder("strays");
  const { path } = temp;
  const paths = pathsOf({ state: path, cache: path, config: path, runtime: path });
  for (const folder of [paths.layers, paths.kernels, paths.partial, paths.blobs, paths.initramfsFolder])
    mkdirSync(folder);
  for (const [digest, time] of [
    [wanted, before],
    [ours, after],
    [former, before],
  ] as const) {
    writeFileSync(paths.layer(digest), "layer");
    utimesSync(paths.layer(digest), time, time);
    mkdirSync(paths.kernel(digest).directory);
    writeFileSync(paths.kernel(digest).vmlinux, "kernel");
    utimesSync(paths.kernel(digest).directory, time, time);
  }
  for (const [name, time] of [
    ["layer-1", after],
    ["layer-2", before],
    ["17-42-0123456789", after],
  ] as const) {
    writeFileSync(`${paths.partial}/${name}`, "");
    utimesSync(`${paths.partial}/${name}`, time, time);
  }
  for (const file of [paths.blobPart(ours), paths.initramfs(ours), paths.initramfs(wanted)]) writeFileSync(file, "x");
  const left = () =>
    [paths.layers, paths.kernels].map((folder) =>
      readdirSync(folder)
        .map((name) => name[0])
        .toSorted(),
    );
  return { temp, paths, left };
}

test("strays that only we can have made are removed; older ones stay", async () => {
  const { temp, paths, left } = world();
  using _ = temp;
  await removeOwnStrays(paths, known, since);
  expect(left()).toEqual([
    ["1", "3"],
    ["1", "3"],
  ]);
  await removeOwnStrays(paths, known, since);
  expect(left()).toEqual([
    ["1", "3"],
    ["1", "3"],
  ]);
});

test("unfinished work is removed at startup, except a former owner's and that of other processes", async () => {
  const { temp, paths } = world();
  using _ = temp;
  await removeUnfinished(paths, since);
  expect(readdirSync(paths.partial).toSorted()).toEqual(["17-42-0123456789", "layer-2"]);
});

test("pruning removes everything without a record, and a dry run counts it", async () => {
  const { temp, paths, left } = world();
  using _ = temp;
  const which = { kept: [paths.initramfs(wanted)], known };
  expect(await removeLeftovers(paths, which, true)).toMatchObject({ files: 6 });
  expect(left()[0]).toHaveLength(3);
  expect(await removeLeftovers(paths, which, false)).toMatchObject({ files: 6 });
  expect(left()).toEqual([["1"], ["1"]]);
  expect(await removeLeftovers(paths, which, false)).toEqual({ files: 0, bytes: 0 });
});

test("a cache without folders has nothing to remove", async () => {
  using temp = tempFolder("strays");
  const { path } = temp;
  const paths = pathsOf({ state: path, cache: `${path}/none`, config: path, runtime: path });
  await removeOwnStrays(paths, known, 0);
  await removeUnfinished(paths, 0);
  expect(await removeLeftovers(paths, { kept: [], known }, false)).toEqual({ files: 0, bytes: 0 });
});

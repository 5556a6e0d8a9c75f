import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { VerifiedFiles } from "../artifacts/verified.ts";
import { isError } from "../base/errors/error.ts";
import type { Digest, ImageName } from "../base/names.ts";
import { sha256File } from "../host/files/files.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { pathsOf } from "../model/paths.ts";
import { layerRef } from "../store/testing/records.ts";
import { checkImage, recoveryHint, verifyImage } from "./check.ts";
import { deleteLayers } from "./delete.ts";
import { emptyConfig, imageRecord } from "./record.ts";
import { squashfs } from "./testing/squashfs.ts";

const digest = `sha256:${"ab".repeat(32)}` as Digest;

function world(bytes: number) {
  const folder = tempFolder();
  const paths = pathsOf({ state: folder.path, cache: folder.path, config: folder.path, runtime: folder.path });
  mkdirSync(paths.layers);
  writeFileSync(paths.layer(digest), squashfs(bytes));
  const layers = [layerRef({ digest, bytes })];
  const facts = { direct: null, init: "none", shell: true, source: "t", config: emptyConfig, createdAt: 0 } as const;
  const record = imageRecord({ ...facts, name: "tiny" as ImageName, layers });
  return { folder, paths, record, file: paths.layer(digest) };
}

async function problemOf(run: Promise<unknown>): Promise<string> {
  const error = await run.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return isError(error, "IMAGE_DAMAGED") ? error.message : String(error);
}

test("an intact image passes", async () => {
  const { folder, paths, record } = world(4096);
  using _ = folder;
  await checkImage({ paths }, record);
});

const damages: [string, (file: string) => void, string][] = [
  ["truncated", (file) => truncateSync(file, 4000), "is cut short: it has 4000 of 4096 bytes"],
  ["foreign", (file) => writeFileSync(file, "x".repeat(4096)), "is not a squashfs file"],
  ["longer", (file) => truncateSync(file, 8192), "has 8192 bytes instead of 4096"],
  ["empty", (file) => truncateSync(file, 0), "is empty"],
];

for (const [what, damage, problem] of damages) {
  test(`a ${what} file is named`, async () => {
    const { folder, paths, record, file } = world(4096);
    using _ = folder;
    damage(file);
    expect(await problemOf(checkImage({ paths }, record))).toBe(`image "tiny" is damaged: ${file} ${problem}`);
  });
}

test("a missing file is named, and deleting it again is fine", async () => {
  const { folder, paths, record, file } = world(4096);
  using _ = folder;
  await deleteLayers({ paths }, [digest]);
  await deleteLayers({ paths }, [digest]);
  expect(await problemOf(checkImage({ paths }, record))).toBe(`image "tiny" is damaged: ${file} is missing`);
});

test("a full check finds a changed byte: it reads a file once for each of its states, and whenever asked to", async () => {
  const { folder, paths, record, file } = world(4096);
  using _ = folder;
  const fileDigest = await sha256File(file);
  const noted = { ...record, layers: record.layers.map((layer) => ({ ...layer, fileDigest })) };
  const deps = { paths, verified: new VerifiedFiles() };
  await verifyImage(deps, noted);
  const { atime, mtime } = statSync(file);
  const bytes = readFileSync(file);
  bytes[1000] = 1;
  writeFileSync(file, bytes);
  await checkImage({ paths }, noted);
  const words = `image "tiny" is damaged: ${file} has the digest sha256:`;
  expect(await problemOf(verifyImage(deps, noted))).toStartWith(words);
  expect(await problemOf(verifyImage(deps, noted, true))).toStartWith(words);
  utimesSync(file, atime, mtime);
  expect(await problemOf(verifyImage(deps, noted, true))).toStartWith(words);
  await verifyImage(deps, record);
});

test.each([
  [
    "registry docker.io/library/python:3.13",
    "mine",
    "get it again with `banger image pull docker.io/library/python:3.13`",
  ],
  ["recipe debian-bookworm", "mine", "get it again with `banger image pull debian-bookworm`"],
  ["catalog https://c.example/catalog.toml", "tools", "get it again with `banger image pull tools`"],
  ["catalog https://c.example/catalog.toml", digest, /^make or import it again/],
  ["vm web", "mine", /^make or import it again under the same name, or delete it; it came from vm web/],
  ["folder /registry x", "mine", /^make or import it again/],
])("the recovery hint for %s, named %s", (source, name, hint) => {
  const said = recoveryHint({ source, name: name as ImageName });
  if (typeof hint === "string") expect(said).toBe(hint);
  else expect(said).toMatch(hint);
});

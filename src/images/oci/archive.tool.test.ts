/** Archives of images: docker's, skopeo's and malicious ones. */

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { isError } from "../../base/errors/error.ts";
import type { ImageName } from "../../base/names.ts";
import type { TarEntry } from "../../formats/tar/header.ts";
import { archive, chunked, file, folder, type Member, symlink } from "../../formats/tar/testing/archive.ts";
import { gate } from "../../host/testing/gate.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { realCage } from "../../host/testing/tool-cage.ts";
import type { ImageRecord } from "../../model/artifact.ts";
import { pathsOf } from "../../model/paths.ts";
import { withUnion } from "../open-union.ts";
import { openArchive } from "../rootfs/open.ts";
import { imageDeps } from "../testing/image-deps.ts";
import { listUnion } from "../testing/listing.ts";
import { type LayoutOptions, writeLayout } from "../testing/oci-layout.ts";
import { type ArchiveUpload, importArchive } from "./archive.ts";

const why = gate("tool:sqfstar") ?? gate("tool:tar");
const never = new AbortController().signal;
const layers = [
  archive([folder("bin"), file("bin/sh", "#!", 0o755), file("bin/gone", "x")]),
  archive([folder("etc"), file("etc/name", "value"), folder("bin"), file("bin/.wh.gone", "")]),
];

function world(budget = { bytes: 50_000_000, entries: 10_000 }) {
  const temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: `${temp.path}/c`, config: temp.path, runtime: temp.path });
  const deps = imageDeps(paths, { budget });
  const load = (tar: AsyncIterable<Uint8Array>, changes: Partial<ArchiveUpload> = {}) =>
    importArchive(
      deps,
      { tar, source: "test", name: null, fallback: "tool" as ImageName, ...changes },
      () => {},
      never,
    );
  const kept = () => [paths.partial, paths.layers].flatMap((path) => (existsSync(path) ? readdirSync(path) : []));
  return { temp, paths, load, kept };
}

async function layoutTar(folderPath: string) {
  const stdin = (async function* () {})();
  return (await openArchive(folderPath, { stdin, uid: 0, cage: realCage(), signal: never })).tar;
}

/** As `docker save` writes it. */
function saved(
  options: { tags?: string[]; linked?: boolean; layers?: readonly Uint8Array[]; changes?: Member[] } = {},
): Uint8Array {
  const all = options.layers ?? layers;
  const sha = (bytes: Uint8Array) => new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
  const config = new TextEncoder().encode(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Cmd: ["sh"] },
      rootfs: { type: "layers", diff_ids: all.map((tar) => `sha256:${sha(tar)}`) },
    }),
  );
  const manifest = [
    {
      Config: `${sha(config)}.json`,
      RepoTags: options.tags ?? ["tool:v1", "tool:latest"],
      Layers: all.map((_, i) => `${i}/layer.tar`),
    },
  ];
  const members = all.flatMap((tar, i) =>
    options.linked && i === 1
      ? [folder("1"), file("real.tar", tar), symlink("1/layer.tar", "../real.tar")]
      : [folder(`${i}`), file(`${i}/layer.tar`, tar)],
  );
  return archive([
    ...members,
    file(`${sha(config)}.json`, config),
    file("manifest.json", JSON.stringify(manifest)),
    ...(options.changes ?? []),
  ]);
}

describe.skipIf(why !== null)(`archives${why ? ` (${why})` : ""}`, () => {
  for (const linked of [false, true]) {
    test(`what docker save writes${linked ? ", with layers that are links" : ""}`, async () => {
      const { temp, paths, load } = world();
      using _ = temp;
      const records = await load(chunked(saved({ linked })));
      expect(records.map((record) => record.name)).toEqual(["tool:v1", "tool:latest"] as ImageName[]);
      const lines = await withUnion(paths, (records[0] as ImageRecord).layers, listUnion);
      expect(lines.map((line) => line.path)).toEqual(["bin", "bin/sh", "etc", "etc/name"]);
      expect(readdirSync(paths.partial)).toEqual([]);
    });
  }

  const forms: [name: string, options: LayoutOptions, pack: (tar: Uint8Array) => Uint8Array][] = [
    ["plain", { compress: "none" }, (tar) => tar],
    ["gzip, in gzip", { compress: "gzip" }, (tar) => gzipSync(tar)],
    ["zstd, in zstd", { compress: "zstd" }, (tar) => zstdCompressSync(tar)],
    ["with an index inside", { platforms: ["linux/arm64"] }, (tar) => tar],
  ];
  for (const [name, options, pack] of forms) {
    test(`an OCI layout: ${name}`, async () => {
      const { temp, load } = world();
      using _ = temp;
      writeLayout(`${temp.path}/layout`, layers, { ...options, tag: "v7" });
      const chunks: Uint8Array[] = [];
      for await (const chunk of await layoutTar(`${temp.path}/layout`)) chunks.push(chunk);
      const records = await load(chunked(pack(new Uint8Array(Buffer.concat(chunks)))));
      expect(records).toMatchObject([{ name: "tool:v7", shell: true }]);
    });
  }

  test("a name that the user gives is used; an image without any name is refused", async () => {
    const { temp, load, kept } = world();
    using _ = temp;
    expect((await load(chunked(saved()), { name: "mine" as ImageName })).map((record) => record.name)).toEqual([
      "mine" as ImageName,
    ]);
    const error = await load(chunked(saved({ tags: [] })), { fallback: null }).catch((thrown: unknown) => thrown);
    expect(isError(error, "IMAGE_UNNAMED")).toBe(true);
    expect(kept().filter((name) => name.includes("archive"))).toEqual([]);
  });

  const plain: TarEntry = { name: "", kind: "file", mode: 0o644, uid: 0, gid: 0, size: 0, mtime: 0, link: "" };
  const layerOf = (...members: Member[]) =>
    saved({ layers: [archive([folder("bin"), file("bin/sh", "x", 0o755), ...members])] });
  const raw = (changes: Partial<TarEntry>): Member => ({ entry: { ...plain, ...changes } });
  const deep = "d/".repeat(10_000);
  const hostile: [name: string, tar: () => Uint8Array, words: RegExp][] = [
    ["a file below a file", () => layerOf(file("a", "x"), file("a/x", "x")), /which is not a folder/],
    [
      "a hard link to outside",
      () => layerOf(raw({ name: "h", kind: "hardlink", link: "../../../etc/shadow" })),
      /links to "etc\/shadow", which is not a file/,
    ],
    ["a loop of symlinks", () => layerOf(symlink("a", "b"), symlink("b", "a"), file("a/x", "x")), /too many links/],
    ["a newline in a name", () => layerOf(raw({ name: "a\nb" })), /control character/],
    ["a path 10,000 deep", () => layerOf(raw({ name: `${deep}x` })), /too long/],
    ["more than it may hold", () => layerOf(raw({ name: "bomb", size: 60_000_000_000 })), /larger than/],
    [
      "a layer that is cut short",
      () => saved({ layers: [archive([file("a", "x".repeat(5000))]).subarray(0, 2000)] }),
      /cut short/,
    ],
    [
      "a layer of other bytes",
      () => saved({ changes: [file("0/layer.tar", archive([file("other", "x")]))] }),
      /instead of sha256/,
    ],
    ["a layer that is not a tar", () => saved({ layers: [new Uint8Array(3000).fill(65)] }), /not a tar archive/],
    ["no config", () => archive([file("manifest.json", '[{"Config":"x.json","Layers":[]}]')]), /"x.json" is missing/],
    [
      "a config outside",
      () => archive([symlink("c.json", "/etc/passwd"), file("manifest.json", '[{"Config":"c.json","Layers":[]}]')]),
      /is missing/,
    ],
    ["a tar that is not an image archive", () => archive([file("a", "x")]), /not an image archive/],
    ["an archive that is cut short", () => saved().subarray(0, 3000), /cut short|end marker/],
    ["a manifest of 100 MiB", () => archive([file("manifest.json", new Uint8Array(20_000_000))]), /too large/],
  ];
  for (const [name, tar, words] of hostile) {
    test(`${name} is refused, and nothing is kept`, async () => {
      const { temp, load, kept } = world();
      using _ = temp;
      const error = (await load(chunked(tar())).catch((thrown: unknown) => thrown)) as Error;
      expect(error.message).toMatch(words);
      expect(isError(error, "IMAGE_INVALID") || isError(error, "IMAGE_TOO_LARGE")).toBe(true);
      expect(kept()).toEqual([]);
    });
  }

  test("a bomb of zeros is stopped by its unpacked size, not by its stated size", async () => {
    const { temp, load, kept } = world({ bytes: 5_000_000, entries: 1000 });
    using _ = temp;
    const bomb = gzipSync(archive([folder("bin"), file("bin/zeros", new Uint8Array(20_000_000))]));
    const error = await load(chunked(saved({ layers: [bomb] }))).catch((thrown: unknown) => thrown);
    expect(isError(error, "IMAGE_TOO_LARGE")).toBe(true);
    expect(kept()).toEqual([]);
  });

  test("paths stay inside the root, however they are written", async () => {
    const { temp, paths, load } = world();
    using _ = temp;
    const bytes = layerOf(
      raw({ name: "../../up" }),
      raw({ name: "/abs" }),
      raw({ name: "bin/../over" }),
      symlink("out", "/tmp"),
      file("out/x", "x"),
      raw({ name: "h", kind: "hardlink", link: "/bin/../../bin/sh" }),
    );
    const [record] = await load(chunked(bytes));
    const lines = await withUnion(paths, (record as ImageRecord).layers, listUnion);
    expect(lines.map(({ path }) => path)).toEqual(["abs", "bin", "bin/sh", "h", "out", "over", "tmp", "tmp/x", "up"]);
  });

  test("when a name comes twice, the last entry counts", async () => {
    const { temp, paths, load } = world();
    using _ = temp;
    const twice = archive([folder("bin"), file("bin/sh", "old", 0o700), file("bin/sh", "newer", 0o755)]);
    const [record] = await load(chunked(saved({ layers: [twice] })));
    const lines = await withUnion(paths, (record as ImageRecord).layers, listUnion);
    expect(lines.find((line) => line.path === "bin/sh")).toMatchObject({
      mode: "755",
      rest: expect.stringMatching(/^5 /),
    });
  });
});

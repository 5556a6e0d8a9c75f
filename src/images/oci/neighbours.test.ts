/** Other things beside an image in its archive do not stop its import. No layer is read: the image asked for is not in it. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { archive, chunked, file, type Member } from "../../formats/tar/testing/archive.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { pathsOf } from "../../model/paths.ts";
import { imageDeps } from "../testing/image-deps.ts";
import { importArchive } from "./archive.ts";

const [manifestType, indexType] = ["manifest", "index"].map((kind) => `application/vnd.oci.image.${kind}.v1+json`);
const configType = "application/vnd.oci.image.config.v1+json";
const layerType = "application/vnd.oci.image.layer.v1.tar";
const gone = `sha256:${"9".repeat(64)}`;
const sha512 = `sha512:${"0".repeat(128)}`;

type Put = (mediaType: string | undefined, value: unknown) => { digest: string; size: number };

/** The images that the error lists, the warnings, and why the archive is refused. */
async function read(members: Member[]): Promise<{ images: string[]; warnings: string[]; refused: string }> {
  using temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: `${temp.path}/c`, config: temp.path, runtime: temp.path });
  const upload = { tar: chunked(archive(members)), source: "test", image: "none", name: null, fallback: null };
  const warnings: string[] = [];
  const error = await importArchive(
    imageDeps(paths),
    upload,
    (event) => void (event.kind === "note" && warnings.push(event.text)),
    new AbortController().signal,
  ).catch((thrown: { code: string; message: string; details: { images?: string[] } }) => thrown);
  if (Array.isArray(error)) throw new Error("an image is called none");
  const isChoice = error.code === "IMAGE_CHOICE";
  return { images: error.details.images ?? [], warnings, refused: isChoice ? "" : error.message };
}

/** A layout with the image `t:1`, and what `neighbour` puts beside it. */
function layout(neighbour: (put: Put) => object, hasImage = true): Member[] {
  const members: Member[] = [];
  const put: Put = (mediaType, value) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const hex = createHash("sha256").update(text).digest("hex");
    members.push(file(`blobs/sha256/${hex}`, text));
    return { ...(mediaType ? { mediaType } : {}), digest: `sha256:${hex}`, size: text.length };
  };
  const name = { "org.opencontainers.image.ref.name": "t:1" };
  const own = { ...image(put), annotations: name };
  const manifests = hasImage ? [neighbour(put), own] : [neighbour(put)];
  return [...members, file("index.json", JSON.stringify({ schemaVersion: 2, manifests }))];
}

function image(put: Put) {
  const config = put(configType, { architecture: "amd64", os: "linux", rootfs: { diff_ids: [gone] } });
  return put(manifestType, { schemaVersion: 2, config, layers: [put(layerType, "a layer")] });
}

const artifact = { mediaType: "application/vnd.oci.empty.v1+json", digest: gone, size: 2 };
const silent: [name: string, neighbour: (put: Put) => object][] = [
  ["an artifact whose layers are null", (put) => put(manifestType, { config: artifact, layers: null })],
  ["an index whose entries are null", (put) => put(indexType, { manifests: null })],
  [
    "an artifact of 600 files",
    (put) => put(manifestType, { config: artifact, layers: Array(600).fill({ ...artifact, mediaType: "text/plain" }) }),
  ],
  [
    "an image with digests of another kind",
    (put) => put(manifestType, { config: { mediaType: configType, digest: sha512, size: 2 }, layers: [] }),
  ],
  [
    "an index of an image that is not all there, and one that is",
    (put) => put(indexType, { manifests: [put(manifestType, incomplete), image(put)] }),
  ],
];
const incomplete = {
  config: { mediaType: configType, digest: gone, size: 2 },
  layers: [{ mediaType: layerType, digest: gone, size: 2 }],
};

test.each(silent)("%s is skipped", async (_, neighbour) => {
  expect(await read(layout(neighbour))).toMatchObject({ warnings: [], refused: "" });
  expect((await read(layout(neighbour))).images).toContain("t:1");
});

const told: [name: string, neighbour: (put: Put) => object, words: string][] = [
  ["an image without its layers", (put) => put(manifestType, incomplete), "is missing"],
  ["a manifest that is no JSON", (put) => put(manifestType, "text"), "not JSON"],
  ["a manifest that says nothing", (put) => put(manifestType, { layers: [] }), "its manifest is invalid"],
  [
    "an image whose config says nothing",
    (put) => put(manifestType, { config: put(configType, {}), layers: [put(layerType, "x")] }),
    "its config is invalid",
  ],
];

test.each(told)("%s is skipped with a warning, and refused if there is nothing else", async (_, make, words) => {
  const { images, warnings, refused } = await read(layout(make));
  expect([images, refused]).toEqual([["t:1"], ""]);
  expect(warnings).toEqual([expect.stringMatching(/^sha256:[0-9a-f]{64} is skipped: /)]);
  expect(warnings[0]).toContain(words);
  expect((await read(layout(make, false))).refused).toContain(words);
});

test("damaged or ambiguous entries are not skipped", async () => {
  const both = (put: Put) => put(manifestType, { config: artifact, layers: [], manifests: [] });
  expect((await read(layout(both))).refused).toContain("both an image manifest and an index");
  const damaged = layout((put) => ({ ...image(put), size: 5 }));
  expect((await read(damaged)).refused).toContain("instead of 5");
});

test("in an archive of `docker save`, images for other platforms are skipped unless there is nothing else", async () => {
  const config = (architecture: string) => JSON.stringify({ architecture, os: "linux", rootfs: { diff_ids: [] } });
  const saved = (...machines: string[]) => [
    ...machines.map((machine) => file(machine, config(machine))),
    file("manifest.json", JSON.stringify(machines.map((one) => ({ Config: one, RepoTags: [`${one}:1`], Layers: [] })))),
  ];
  expect(await read(saved("arm64", "amd64"))).toEqual({ images: ["amd64:1"], warnings: [], refused: "" });
  expect((await read(saved("arm64", "riscv64"))).refused).toContain('it is for "linux/arm64"');
});

/** Documents of registries and archives: what is taken from them, and that anything else is refused. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../../base/testing/budget.ts";
import { ManifestError, parseArchiveIndex, parseDocument, parseImage } from "./manifest.ts";

const digest = `sha256:${"a".repeat(64)}`;
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: 3 };
const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: 2 };
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

test("a manifest says its config and its layers", () => {
  const document = parseDocument(bytes({ schemaVersion: 2, config, layers: [layer] }), manifestType);
  expect(document).toMatchObject({
    kind: "manifest",
    manifest: { config: { size: 2 }, layers: [{ digest, size: 3 }] },
  });
});

test("of an index the manifest for this machine counts, a plain one before a variant", () => {
  const at = (os: string, architecture: string, size: number, variant?: string) => ({
    digest,
    size,
    platform: { os, architecture, variant },
  });
  const manifests = [
    at("linux", "arm64", 1),
    at("linux", "amd64", 2, "v3"),
    at("linux", "amd64", 3),
    at("unknown", "unknown", 4),
  ];
  expect(parseDocument(bytes({ manifests }), indexType)).toMatchObject({ kind: "index", manifest: { size: 3 } });
  const others = bytes({
    manifests: [at("linux", "arm64", 1), at("windows", "amd64", 2), at("unknown", "unknown", 4)],
  });
  expect(() => parseDocument(others, indexType)).toThrow(/only for "linux\/arm64", "windows\/amd64"/);
});

const bad: [name: string, document: unknown, type: string, words: RegExp][] = [
  ["no JSON", "<html>", manifestType, /no JSON/],
  ["another type", {}, "application/json; odd", /of the type/],
  ["the first schema", { schemaVersion: 1 }, "", /first schema/],
  ["no layers", { config, layers: [] }, manifestType, /no layers/],
  ["501 layers", { config, layers: Array(501).fill(layer) }, manifestType, /more than 500/],
  ["a wrong digest", { config, layers: [{ ...layer, digest: "sha256:../../x" }] }, manifestType, /no sha256 digest/],
  ["a negative size", { config, layers: [{ ...layer, size: -1 }] }, manifestType, /wrong/],
  [
    "a chart",
    { config, layers: [{ ...layer, mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip" }] },
    manifestType,
    /no image of a file system/,
  ],
];
for (const [name, document, type, words] of bad) {
  test(`a manifest with ${name} is refused`, () => {
    expect(() => parseDocument(bytes(document), type)).toThrow(ManifestError);
    expect(() => parseDocument(bytes(document), type)).toThrow(words);
  });
}

test("an image's config keeps what says how it is run", () => {
  const image = parseImage(
    bytes({
      architecture: "amd64",
      os: "linux",
      rootfs: { type: "layers", diff_ids: [digest] },
      config: {
        Env: ["A=b=c", "=x", "NOVALUE", "B="],
        Entrypoint: ["/x"],
        Cmd: null,
        WorkingDir: "srv//app/",
        User: "1:2",
        Labels: { a: "b" },
      },
    }),
  );
  expect(image).toEqual({
    config: { env: { A: "b=c", B: "" }, entrypoint: ["/x"], cmd: [], workdir: "/srv/app", user: "1:2" },
    diffIds: [digest as never],
  });
  const of = (changes: object) => () => parseImage(bytes({ rootfs: { diff_ids: [] }, ...changes }));
  expect(of({ architecture: "arm64", os: "linux" })).toThrow(/linux\/arm64/);
  expect(of({ config: { WorkingDir: "/a/../.." } })).toThrow(/leaves the root/);
  expect(of({ config: { Cmd: ["a\0b"] } })).toThrow(/NUL/);
  expect(of({ config: { Cmd: ["x".repeat(100_000)] } })).toThrow(/too large/);
});

test("any bytes are a document or are refused as such", () => {
  const key = fc.constantFrom(
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "digest",
    "size",
    "platform",
    "rootfs",
    "diff_ids",
  );
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(null, 1, -1, "", digest, manifestType, indexType),
      fc.array(tie("node"), { maxLength: 4 }),
      fc.dictionary(key, tie("node"), { maxKeys: 5 }),
    ),
  }));
  const refused = (work: () => unknown) => {
    try {
      work();
    } catch (error) {
      expect(error).toBeInstanceOf(ManifestError);
    }
  };
  fc.assert(
    fc.property(
      fc.oneof(node.map(bytes), fc.uint8Array({ maxLength: 200 })),
      fc.constantFrom("", manifestType, indexType),
      (document, type) => {
        refused(() => parseDocument(document, type));
        refused(() => parseImage(document));
        refused(() => parseArchiveIndex(document));
      },
    ),
    { numRuns: runs(1500) },
  );
});

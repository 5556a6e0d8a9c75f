/** Documents of registries and archives: what is taken from them, and that anything else is refused. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../../base/testing/budget.ts";
import { spoilt } from "../../base/testing/spoilt.ts";
import { ImageProblem } from "../problem.ts";
import { maxLayerCount, parseArchiveIndex, parseDocument, parseImage } from "./manifest.ts";
import { NotAnImage } from "./not-an-image.ts";

const digest = `sha256:${"a".repeat(64)}`;
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const layer = { mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest, size: 3 };
const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest, size: 2 };
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

test("a manifest has a config and layers", () => {
  const document = parseDocument(bytes({ schemaVersion: 2, config, layers: [layer] }), manifestType);
  expect(document).toMatchObject({
    kind: "manifest",
    manifest: { config: { size: 2 }, layers: [{ digest, size: 3 }] },
  });
});

test("from an index the manifest for this machine is chosen, a plain one before a variant", () => {
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
  expect(parseDocument(bytes({ manifests }), indexType)).toMatchObject({
    kind: "index",
    manifests: [{ size: 3 }, { size: 2 }],
  });
  const others = bytes({
    manifests: [at("linux", "arm64", 1), at("windows", "amd64", 2), at("unknown", "unknown", 4)],
  });
  expect(() => parseDocument(others, indexType)).toThrow(/it is for "linux\/arm64", "windows\/amd64", not for/);
  const other = bytes({ manifests: [at("linux", "arm64", 1)] });
  expect(() => parseDocument(other, indexType)).toThrow(/it is for "linux\/arm64", not for/);
});

test("in an index, entries without a platform come last, and those for other platforms are left out", () => {
  const manifests = [
    { digest, size: 1 },
    { digest: `sha512:${"0".repeat(128)}`, size: 2 },
    { digest, size: 3, mediaType: "application/vnd.example.thing" },
    { digest, size: 4, platform: { os: "", architecture: "" } },
    { digest, size: 5, platform: { os: "linux", architecture: "x86_64" } },
  ];
  expect(parseDocument(bytes({ manifests }), indexType)).toMatchObject({
    manifests: [
      { size: 5, isOurs: true },
      { size: 1, isOurs: null },
      { size: 4, isOurs: null },
    ],
  });
  const listed = parseArchiveIndex(bytes({ manifests }));
  expect(listed.flatMap((entry) => ("refused" in entry ? [] : entry.descriptor.size))).toEqual([1, 4, 5]);
  expect(listed.flatMap((entry) => ("refused" in entry ? entry.refused.problem : []))).toEqual([
    expect.stringContaining("is not a sha256 digest"),
    'it has the type "application/vnd.example.thing", which is not a container image',
  ]);
});

test("things other than an image are distinguished from an invalid image", () => {
  const artifact = { ...config, mediaType: "application/vnd.oci.empty.v1+json" };
  const signature = { ...layer, mediaType: "application/vnd.dev.cosign.simplesigning.v1+json" };
  const encrypted = { ...layer, mediaType: `${layer.mediaType}+encrypted` };
  for (const [document, words] of [
    [{ config: artifact, layers: [layer] }, /empty.v1\+json", which is not a container image/],
    [{ artifactType: "application/spdx+json", config: artifact, layers: [layer] }, /\(SBOM\), not an image/],
    [{ config, layers: [signature] }, /it is a signature, not an image/],
    [{ config, layers: [encrypted] }, /its layers are encrypted/],
    [{ schemaVersion: 1, fsLayers: [] }, /schema 1/],
  ] as const) {
    expect(() => parseDocument(bytes(document), "")).toThrow(NotAnImage);
    expect(() => parseDocument(bytes(document), "")).toThrow(words);
  }
});

test("null means absent, as Go programs write it", () => {
  const nothing = { mediaType: null, annotations: null, platform: null };
  const manifest = { mediaType: null, config: { ...config, mediaType: null }, layers: [{ ...layer, mediaType: null }] };
  expect(parseDocument(bytes(manifest), manifestType)).toMatchObject({ manifest: { layers: [{ mediaType: "" }] } });
  expect(parseDocument(bytes({ ...manifest, manifests: null }), manifestType).kind).toBe("manifest");
  const manifests = [
    { digest, size: 1, ...nothing },
    { digest, size: 2, platform: { os: null, architecture: null, variant: null } },
  ];
  expect(parseDocument(bytes({ manifests }), indexType)).toMatchObject({ manifests: [{ size: 1 }, { size: 2 }] });
  const image = { os: null, architecture: null, rootfs: { diff_ids: [digest] }, config: { Env: null, User: null } };
  expect(parseImage(bytes(image)).config.env).toEqual({});
  expect(() => parseDocument(bytes({ config, layers: null }), manifestType)).toThrow(NotAnImage);
  expect(() => parseDocument(bytes({ manifests: null }), indexType)).toThrow("its index is empty");
  expect(parseArchiveIndex(bytes({ manifests: null }))).toEqual([]);
});

test("a manifest with too many parts or other digests is reported as an artifact first", () => {
  const many = Array(maxLayerCount + 1).fill({ ...layer, mediaType: "application/vnd.example" });
  expect(() => parseDocument(bytes({ config, layers: many }), manifestType)).toThrow(/which is not a container image/);
  const sha512 = { ...config, digest: `sha512:${"0".repeat(128)}` };
  for (const document of [
    { config: sha512, layers: [layer] },
    { config, layers: [layer, { ...layer, digest: sha512.digest }] },
  ])
    expect(() => parseDocument(bytes(document), manifestType)).toThrow(
      new NotAnImage(`its digest ${JSON.stringify(sha512.digest.slice(0, 100))} is not a sha256 digest`),
    );
});

test("a variable's value is everything after its first equals sign; a name has no spaces", () => {
  const Env = ["A=", "B==", "C=a\nb\r\n", "D=\u2028=", "=x", "=", "", "E", "F G=x", " H=x", "I\n=x", "J =x"];
  const { env } = parseImage(bytes({ rootfs: { diff_ids: [] }, config: { Env } })).config;
  expect(env).toEqual({ A: "", B: "=", C: "a\nb\r\n", D: "\u2028=" });
});

test("a document that is not UTF-8 is refused, not read as something similar", () => {
  const image = (user: string) => JSON.stringify({ rootfs: { diff_ids: [] }, config: { User: user } });
  expect(parseImage(Buffer.from(image("\u00ff"), "utf8")).config.user).toBe("\u00ff");
  expect(() => parseImage(Buffer.from(image("\u00ff"), "latin1"))).toThrow("it has a document that is not JSON");
});

test("as many variables as Linux accepts", () => {
  const Env = Array.from({ length: 10_000 }, (_, at) => `V${at}=x`);
  const image = { rootfs: { diff_ids: [] }, config: { Env, Cmd: Array(10_000).fill("x") } };
  const { env, cmd } = parseImage(bytes(image)).config;
  expect([Object.keys(env).length, cmd.length]).toEqual([10_000, 10_000]);
});

const bad: [name: string, document: unknown, type: string, words: RegExp][] = [
  ["no JSON", "<html>", manifestType, /not JSON/],
  [
    "layers and an index's entries",
    { config, layers: [layer], manifests: [] },
    "",
    /both an image manifest and an index/,
  ],
  [
    "an index's entries under its own type",
    { mediaType: manifestType, config, manifests: [] },
    "",
    /both an image manifest and an index/,
  ],
  ["another type than it came under", { mediaType: manifestType, config, layers: [layer] }, indexType, /but declares/],
  ["another type", {}, "application/json; odd", /has the type/],
  ["the first schema", { schemaVersion: 1 }, "", /schema 1/],
  ["no layers", { config, layers: [] }, manifestType, /no layers/],
  ["501 layers", { config, layers: Array(501).fill(layer) }, manifestType, /more than 500/],
  ["a wrong digest", { config, layers: [{ ...layer, digest: "sha256:../../x" }] }, manifestType, /not a sha256 digest/],
  ["a negative size", { config, layers: [{ ...layer, size: -1 }] }, manifestType, /invalid/],
  [
    "a chart",
    { config, layers: [{ ...layer, mediaType: "application/vnd.cncf.helm.chart.content.v1.tar+gzip" }] },
    manifestType,
    /it is a Helm chart, not an image/,
  ],
];
for (const [name, document, type, words] of bad) {
  test(`a manifest with ${name} is refused`, () => {
    expect(() => parseDocument(bytes(document), type)).toThrow(ImageProblem);
    expect(() => parseDocument(bytes(document), type)).toThrow(words);
  });
}

test("an image's config keeps its run configuration", () => {
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
  const folder = (WorkingDir?: string) =>
    parseImage(bytes({ rootfs: { diff_ids: [] }, config: { WorkingDir } })).config.workdir;
  expect([folder(), folder(""), folder("/"), folder("app/")]).toEqual(["/", "/", "/", "/app"]);
  const of = (changes: object) => () => parseImage(bytes({ rootfs: { diff_ids: [] }, ...changes }));
  expect(of({ architecture: "arm64", os: "linux" })).toThrow(/linux\/arm64/);
  for (const [said, workdir] of [
    ["/a/../b", "/b"],
    ["../../etc", "/etc"],
    ["/a/../..", "/"],
  ])
    expect(of({ config: { WorkingDir: said } })().config.workdir).toBe(workdir as string);
  for (const architecture of ["x86_64", "X86-64", "", undefined])
    expect(of({ architecture, os: architecture === "" ? "" : "Linux" })().diffIds).toEqual([]);
  expect(of({ config: { Entrypoint: "/app", Cmd: "" } })().config).toMatchObject({ entrypoint: ["/app"], cmd: [] });
  expect(Object.keys(of({ config: { Env: [`BIG=${"x".repeat(131_067)}`] } })().config.env)).toEqual(["BIG"]);
  expect(of({ config: { Env: [`BIG=${"x".repeat(131_068)}`] } })).toThrow(/too long for Linux/);
  expect(of({ config: { Cmd: ["a\0b"] } })).toThrow(/NUL/);
  expect(of({ config: { Cmd: Array(20).fill("x".repeat(100_000)) } })).toThrow(/too large/);
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
      expect(error).toBeInstanceOf(ImageProblem);
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

test(
  "manifests, indexes and configs that are almost right are read within bounds, or refused",
  () => {
    const part = (mediaType: string) => ({ mediaType, digest, size: 7 });
    const layer = part("application/vnd.oci.image.layer.v1.tar+gzip");
    const manifest = { schemaVersion: 2, mediaType: manifestType, config: part("x"), layers: [layer, layer] };
    const platform = { os: "linux", architecture: "amd64", variant: "v2" };
    const entry = { ...part(manifestType), platform, annotations: { "org.opencontainers.image.ref.name": "x" } };
    const index = { schemaVersion: 2, mediaType: indexType, manifests: [entry, { ...entry, platform: null }] };
    const config = { Env: ["A=1", "B"], Entrypoint: ["/e"], Cmd: ["c"], WorkingDir: "/w", User: "u:g" };
    const image = { os: "linux", architecture: "amd64", config, rootfs: { type: "layers", diff_ids: [digest] } };
    const isBlob = ({ digest: name, size }: { digest: string; size: number }) =>
      /^sha256:[0-9a-f]{64}$/.test(name) && Number.isSafeInteger(size) && size >= 0;
    const orRefused = (work: () => void) => {
      try {
        work();
      } catch (error) {
        if (!(error instanceof ImageProblem)) throw error;
      }
    };
    fc.assert(
      fc.property(spoilt(manifest), spoilt(index), spoilt(image), (one, two, three) => {
        for (const document of [one, two]) {
          orRefused(() => {
            const found = parseDocument(document, "");
            const blobs = found.kind === "index" ? found.manifests : [found.manifest.config, ...found.manifest.layers];
            expect(blobs.every(isBlob)).toBe(true);
          });
        }
        orRefused(
          () =>
            void expect(parseArchiveIndex(two).every((entry) => "refused" in entry || isBlob(entry.descriptor))).toBe(
              true,
            ),
        );
        orRefused(() => {
          const { config: found, diffIds } = parseImage(three);
          expect(JSON.stringify(found)).not.toContain("\\u0000");
          expect(
            [...found.entrypoint, ...found.cmd, found.workdir, found.user].every((text) => typeof text === "string"),
          ).toBe(true);
          expect(found.workdir.split("/")).not.toContain("..");
          expect(diffIds.every((one) => /^sha256:[0-9a-f]{64}$/.test(one))).toBe(true);
        });
      }),
      { numRuns: runs(500) },
    );
  },
  patience,
);

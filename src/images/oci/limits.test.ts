/** Each limit of manifests and archives: at it, and one past it. */
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { archive, chunked, file, folder, type Member, symlink } from "../../formats/tar/testing/archive.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { maxDocument, maxLayerCount, parseArchiveIndex, parseDocument, parseImage } from "./manifest.ts";
import { indexTypes, manifestTypes } from "./media.ts";
import { maxLinks, Spool } from "./spool.ts";

const [manifestType = ""] = manifestTypes;
const [indexType = ""] = indexTypes;
const digest = `sha256:${"0".repeat(64)}`;
const layer = { digest, size: 1, mediaType: "application/vnd.oci.image.layer.v1.tar" };
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const manifest = (count: number) => encode({ config: { digest, size: 1 }, layers: Array(count).fill(layer) });
const index = (count: number) => encode({ manifests: Array(count).fill({ digest, size: 1 }) });
const image = (count: number) => encode({ rootfs: { diff_ids: Array(count).fill(digest) } });

test("the limits", () => {
  expect({ maxDocument, maxLayerCount }).toEqual({ maxDocument: 4_194_304, maxLayerCount: 500 });
});

test("layers of a manifest and of a config", () => {
  expect(parseDocument(manifest(maxLayerCount), manifestType)).toMatchObject({ kind: "manifest" });
  expect(() => parseDocument(manifest(maxLayerCount + 1), manifestType)).toThrow(`more than ${maxLayerCount} layers`);
  expect(parseImage(image(maxLayerCount)).diffIds).toHaveLength(maxLayerCount);
  expect(() => parseImage(image(maxLayerCount + 1))).toThrow("its config is invalid");
});

test("entries of an index", () => {
  expect(parseArchiveIndex(index(1000))).toHaveLength(1000);
  expect(() => parseArchiveIndex(index(1001))).toThrow("more than 1000 entries");
  expect(() => parseDocument(index(1001), indexType)).toThrow("more than 1000 entries");
});

test("a document's length", () => {
  const padded = (bytes: number) => Buffer.concat([manifest(1), Buffer.alloc(bytes - manifest(1).length, " ")]);
  expect(parseDocument(padded(maxDocument), manifestType)).toMatchObject({ kind: "manifest" });
  expect(() => parseDocument(padded(maxDocument + 1), manifestType)).toThrow(`more than ${maxDocument} bytes`);
});

test("types and digests", () => {
  const text = (count: number) => "x".repeat(count);
  const manifestWith = (more: object, ofConfig: object = {}) =>
    parseDocument(encode({ config: { digest, size: 1, ...ofConfig }, layers: [layer], ...more }), manifestType);
  expect(manifestWith({ artifactType: text(255) })).toMatchObject({ kind: "manifest" });
  expect(() => manifestWith({ artifactType: text(256) })).toThrow("its manifest is invalid");
  expect(() => manifestWith({}, { mediaType: text(255) })).toThrow("it has the type");
  expect(() => manifestWith({}, { mediaType: text(256) })).toThrow("its manifest is invalid");
  expect(() => manifestWith({}, { digest: text(256) })).toThrow("is not a sha256 digest");
  expect(() => manifestWith({}, { digest: text(257) })).toThrow("its manifest is invalid");
  const indexWith = (count: number) =>
    parseDocument(encode({ manifests: [{ digest: text(count), size: 1 }] }), indexType);
  expect(() => indexWith(256)).toThrow("is not a sha256 digest");
  expect(() => indexWith(257)).toThrow("its index is invalid");
});

test("20 entries of an index are tried, the likeliest", () => {
  const likely = { digest, size: 2, platform: { os: "linux", architecture: "amd64" } };
  const found = parseDocument(encode({ manifests: [...Array(20).fill({ digest, size: 1 }), likely] }), indexType);
  expect("manifests" in found && found.manifests.map(({ size }) => size)).toEqual([2, ...Array(19).fill(1)]);
});

test("a name in an archive's index", () => {
  const named = (name: string) =>
    parseArchiveIndex(
      encode({ manifests: [{ digest, size: 1, annotations: { "org.opencontainers.image.ref.name": name } }] }),
    );
  for (const bytes of [512, 513]) expect(named("n".repeat(bytes))).toMatchObject([{ name: "n".repeat(512) }]);
});

test("a document that was sent without a type is known by its own, then by its keys", () => {
  const indexed = { manifests: [{ digest, size: 1 }] };
  expect(parseDocument(encode(indexed), "").kind).toBe("index");
  expect(parseDocument(manifest(1), "").kind).toBe("manifest");
  expect(parseDocument(encode({ ...indexed, mediaType: indexType }), "application/json").kind).toBe("index");
  for (const document of [encode(indexed), manifest(1)])
    expect(() => parseDocument(document, "application/json")).toThrow("it has the type");
});

test("sizes of descriptors are whole numbers that can be added up", () => {
  const sized = (size: number) => encode({ config: { digest, size }, layers: [layer] });
  expect(parseDocument(sized(0), manifestType)).toMatchObject({ manifest: { config: { size: 0 } } });
  expect(parseDocument(sized(Number.MAX_SAFE_INTEGER), manifestType)).toMatchObject({ kind: "manifest" });
  for (const size of [-1, 0.5, Number.MAX_SAFE_INTEGER + 1, 1e300]) {
    expect(() => parseDocument(sized(size), manifestType)).toThrow("its manifest is invalid");
  }
});

async function spooled(bytes: number, members: Member[], entries?: number): Promise<Spool> {
  const temp = tempFolder();
  const spool = new Spool(temp.path, bytes, entries);
  try {
    await spool.fill(chunked(archive(members)), () => {});
    return spool;
  } finally {
    temp[Symbol.dispose]();
  }
}

test("bytes of an archive's files", async () => {
  const members = [file("a", "x".repeat(600)), file("b", "x".repeat(400))];
  expect((await spooled(1000, members)).find("b")?.size).toBe(400);
  await expect(spooled(999, members)).rejects.toMatchObject({ problem: "it is too large" });
});

test("entries of an archive", async () => {
  const members = [file("a", "x"), symlink("b", "a"), file("c", "")];
  await spooled(10, members, 3);
  await expect(spooled(10, members, 2)).rejects.toMatchObject({ problem: "it contains too many files" });
});

test("folders count as entries, and a repeated name counts again", async () => {
  for (const member of [folder("a"), file("a", "x"), symlink("a", "b")]) {
    await spooled(10, [member, member], 2);
    await expect(spooled(10, [member, member], 1)).rejects.toMatchObject({ problem: "it contains too many files" });
  }
});

test("a file that a later one of the same name replaces leaves nothing on the disk", async () => {
  using temp = tempFolder();
  const spool = new Spool(temp.path, 100);
  await spool.fill(chunked(archive([file("a", "old"), file("b", "x"), file("a", "new")])), () => {});
  expect(readdirSync(temp.path)).toHaveLength(2);
  expect(Buffer.from((await spool.document("a")) ?? []).toString()).toBe("new");
});

test("chains of links", async () => {
  const chain = (count: number) => [
    file("l0", "x"),
    ...[...Array(count).keys()].map((i) => symlink(`l${i + 1}`, `l${i}`)),
  ];
  const spool = await spooled(10, chain(maxLinks));
  expect(spool.find(`l${maxLinks - 1}`)?.size).toBe(1);
  expect(spool.find(`l${maxLinks}`)).toBeNull();
});

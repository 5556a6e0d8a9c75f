/** Each limit on an image archive's documents: at it, and one past it. No layer is read: the image asked for is not in it. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { archive, chunked, file, type Member } from "../../formats/tar/testing/archive.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { pathsOf } from "../../model/paths.ts";
import { imageDeps } from "../testing/image-deps.ts";
import { importArchive } from "./archive.ts";
import { maxDocument } from "./manifest.ts";
import { indexTypes, manifestTypes } from "./media.ts";

const never = new AbortController().signal;

/** Why it is refused, if not only for the name. */
async function problemOf(members: Member[], budget = { bytes: 50_000_000, entries: 10_000 }): Promise<string> {
  using temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: `${temp.path}/c`, config: temp.path, runtime: temp.path });
  const upload = { tar: chunked(archive(members)), source: "test", image: "none", name: null, fallback: null };
  const error = await importArchive(imageDeps(paths, { budget }), upload, () => {}, never).catch(
    (thrown: { code: string; message: string }) => thrown,
  );
  if (Array.isArray(error)) throw new Error("an image is called none");
  return error.code === "IMAGE_CHOICE" ? "" : error.message;
}

type Saved = { Config: string; RepoTags: string[]; Layers: string[] };
const one: Saved = { Config: "c", RepoTags: ["a:b"], Layers: ["l"] };
const manifestOf = (images: Saved[]) => file("manifest.json", JSON.stringify(images));
const emptyConfig = JSON.stringify({ rootfs: { diff_ids: [] } });
/** As `docker save` writes it. */
const saved = (images: Saved[]) => [file("c", emptyConfig), file("l", ""), manifestOf(images)];

const notSaved = "not what `docker save` writes";
const rows: [what: string, most: number, members: (amount: number) => Member[], problem: string][] = [
  ["images", 100, (count) => saved(Array(count).fill(one)), "more than 100 images"],
  ["names of an image", 1000, (count) => saved([{ ...one, RepoTags: Array(count).fill("a:b") }]), notSaved],
  ["characters of a name", 512, (length) => saved([{ ...one, RepoTags: ["n".repeat(length)] }]), notSaved],
  ["layers of an image", 500, (count) => saved([{ ...one, Layers: Array(count).fill("l") }]), notSaved],
  ["characters of a config's path", 4096, (length) => saved([{ ...one, Config: "c".padStart(length, "/") }]), notSaved],
  [
    "characters of a layer's path",
    4096,
    (length) => saved([{ ...one, Layers: ["l".padStart(length, "/")] }]),
    notSaved,
  ],
  [
    "bytes of manifest.json",
    maxDocument,
    (bytes) => [file("c", emptyConfig), file("l", ""), file("manifest.json", JSON.stringify([one]).padEnd(bytes, " "))],
    'its document "manifest.json" is too large',
  ],
  [
    "bytes of a config",
    maxDocument,
    (bytes) => [file("c", emptyConfig.padEnd(bytes, " ")), file("l", ""), manifestOf([one])],
    'its document "c" is too large',
  ],
  ["nested indexes", 3, layout, "its indexes are nested too deeply"],
];

for (const [what, most, members, problem] of rows) {
  test(`${what}: ${most}, and one more`, async () => {
    expect(await problemOf(members(most))).toBe("");
    expect(await problemOf(members(most + 1))).toContain(problem);
  });
}

test("the bytes of an archive's files: as many as the budget has, and one more", async () => {
  const members = saved([one]);
  const bytes = emptyConfig.length + JSON.stringify([one]).length;
  expect(await problemOf(members, { bytes, entries: 100 })).toBe("");
  expect(await problemOf(members, { bytes: bytes - 1, entries: 100 })).toContain("it is too large");
});

/** An OCI layout whose image is nested in `depth` indexes, not counting the one that every layout has. */
function layout(depth: number): Member[] {
  const members: Member[] = [];
  const put = (mediaType: string, value: unknown) => {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    const hex = createHash("sha256").update(text).digest("hex");
    members.push(file(`blobs/sha256/${hex}`, text));
    return { mediaType, digest: `sha256:${hex}`, size: text.length };
  };
  const config = put("application/vnd.oci.image.config.v1+json", {
    architecture: "amd64",
    os: "linux",
    rootfs: { type: "layers", diff_ids: [`sha256:${"0".repeat(64)}`] },
  });
  const layers = [put("application/vnd.oci.image.layer.v1.tar", "a layer")];
  let top = put(manifestTypes[0] ?? "", { schemaVersion: 2, config, layers });
  for (let index = 0; index < depth; index++) top = put(indexTypes[0] ?? "", { schemaVersion: 2, manifests: [top] });
  return [...members, file("index.json", JSON.stringify({ schemaVersion: 2, manifests: [top] }))];
}

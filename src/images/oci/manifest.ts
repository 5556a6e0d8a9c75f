/**
 * Parses indexes, manifests and image configs. They are untrusted: parsing is strict and bounded, and keeps only what
 * is used.
 */
import * as z from "zod/mini";
import { type Digest, isDigest } from "../../base/names.ts";
import { stripControl } from "../../base/text.ts";
import { insideRoot } from "../../formats/tar/names.ts";
import type { ImageConfig } from "../../model/artifact.ts";
import { configProblem } from "../config.ts";
import { ImageProblem } from "../problem.ts";
import { indexTypes, isConfigType, isLayerType, isSchema1, manifestTypes } from "./media.ts";
import { foreignType, NotAnImage, otherPlatform, schemaOne, shownType, Unusable } from "./not-an-image.ts";
import { isOurs, platformText } from "./platform.ts";

/** bytes of one document; the specification asks clients to accept at least 4 MiB */
export const maxDocument = 4 * 1024 * 1024;
export const maxLayerCount = 500;

/** A document that can't be used. */
export class ManifestError extends ImageProblem {}

/** A blob's digest and size, and the type of its content. */
export type Descriptor = { digest: Digest /** bytes */; size: number; mediaType: string };
export type Manifest = { config: Descriptor; layers: Descriptor[] };
/** `manifest`: an image; `index`: one of these should be the manifest for this platform, the likeliest first. */
export type Document = { kind: "manifest"; manifest: Manifest } | { kind: "index"; manifests: Candidate[] };
/** `isOurs`: null if only the image's config can tell. */
export type Candidate = Descriptor & { isOurs: true | null };

/** Go programs write null for absent values, and accept it. */
const maybe = <T>(schema: z.ZodMiniType<T>) => z.optional(z.nullable(schema));

/** Digests are checked later, as artifacts may use other algorithms. */
const descriptor = z.object({
  mediaType: maybe(z.string().check(z.maxLength(255))),
  digest: z.string().check(z.maxLength(256)),
  size: z.int().check(z.gte(0)),
});
const platform = z.object({
  os: maybe(z.string()),
  architecture: maybe(z.string()),
  variant: maybe(z.string()),
});
const annotations = maybe(z.record(z.string(), z.string()));

/** The number of layers is checked once it is known to be an image. */
const manifestSchema = z.object({
  artifactType: maybe(z.string().check(z.maxLength(255))),
  config: descriptor,
  layers: z.nullable(z.array(descriptor)),
});
/** Entries for others are skipped later: another digest algorithm, another type. */
const indexEntry = z.object({
  mediaType: maybe(z.string()),
  digest: z.string().check(z.maxLength(256)),
  size: z.int().check(z.gte(0)),
  platform: maybe(platform),
  annotations,
});
const indexSchema = z.object({
  manifests: z.nullable(z.array(indexEntry).check(z.maxLength(1000, "has more than 1000 entries"))),
});

/**
 * @param mediaType as the registry sent it; empty: taken from the document itself
 * @throws ManifestError
 */
export function parseDocument(bytes: Uint8Array, mediaType: string): Document {
  const json = parseJson(bytes);
  const type = typeOf(json, mediaType);
  if (isSchema1(type) || (json as { schemaVersion?: unknown } | null)?.schemaVersion === 1) {
    throw schemaOne();
  }
  if (indexTypes.includes(type) || (type === "" && hasKey(json, "manifests"))) {
    return { kind: "index", manifests: candidates(checked(indexSchema, json, "its index").manifests ?? []) };
  }
  if (!manifestTypes.includes(type) && !(type === "" && hasKey(json, "layers"))) {
    throw foreignType([type]);
  }
  return { kind: "manifest", manifest: toManifest(checked(manifestSchema, json, "its manifest")) };
}

/**
 * The document's type. A document must not be ambiguous: one reader would see an image, another an index
 * (CVE-2021-41190).
 * @param sent the type it was sent as; empty if none was @throws ManifestError
 */
function typeOf(json: unknown, sent: string): string {
  const own = (json as { mediaType?: unknown } | null)?.mediaType;
  const declared = typeof own === "string" ? own : "";
  if (["layers", "config"].some((key) => hasKey(json, key)) && hasKey(json, "manifests")) {
    throw new ManifestError(
      "its manifest is both an image manifest and an index, so programs would read it differently",
    );
  }
  const isKnown = [...indexTypes, ...manifestTypes].includes(sent);
  if (isKnown && declared !== "" && declared !== sent) {
    throw new ManifestError(`its manifest was sent as ${shownType(sent)} but declares ${shownType(declared)}`);
  }
  return declared === "" ? sent : declared;
}

/** An entry of an archive's index that can be an image for this platform, or why it is not. */
export type IndexedImage = { descriptor: Descriptor; name: string | null } | { refused: NotAnImage };

/** Every image in an archive's index, not only those for this platform. @throws ManifestError */
export function parseArchiveIndex(bytes: Uint8Array): IndexedImage[] {
  const { manifests } = checked(indexSchema, parseJson(bytes), "its index");
  return (manifests ?? []).map((entry) => {
    if (!isReadable(entry) || isOurs(entry.platform) === false) return { refused: noneFor([entry]) };
    const notes = entry.annotations ?? {};
    const name = notes["io.containerd.image.name"] ?? notes["org.opencontainers.image.ref.name"] ?? null;
    return { descriptor: toDescriptor(entry), name: name && stripControl(name).slice(0, 512) };
  });
}

/** True for a manifest or index with a digest that we support. */
function isReadable({ mediaType, digest: text }: IndexEntry): boolean {
  return isDigest(text) && (!mediaType || [...indexTypes, ...manifestTypes].includes(mediaType));
}

/** Why none of these is an image for this platform. */
function noneFor(entries: readonly IndexEntry[]): NotAnImage {
  if (entries.length === 0) return new NotAnImage("its index is empty");
  const others = entries
    .filter(({ platform: one }) => isOurs(one) === false)
    .map(({ platform: one }) => platformText(one));
  const known = [...new Set(others.filter((name) => !name.includes("unknown")))];
  if (known.length > 0) return otherPlatform(known);
  const foreign = entries.find((entry) => !isReadable(entry));
  if (foreign && isDigest(foreign.digest)) return foreignType([foreign.mediaType ?? ""]);
  if (foreign) return noSha256(foreign);
  // BuildKit's attestations have the platform `unknown/unknown`
  return foreignType(["application/vnd.in-toto+json"]);
}

function toManifest({ artifactType, config, layers }: z.infer<typeof manifestSchema>): Manifest {
  const described = (layers ?? []).map(toDescriptor);
  const foreign = described.map(({ mediaType }) => mediaType).filter((type) => type !== "" && !isLayerType(type));
  const configType = config.mediaType ?? "";
  if (!isConfigType(configType)) foreign.push(configType);
  if (foreign.length > 0) throw foreignType(artifactType ? [artifactType, ...foreign] : foreign);
  const strange = [config, ...described].find((one) => !isDigest(one.digest));
  if (strange) throw noSha256(strange);
  if (described.length === 0) throw new NotAnImage("it has no layers");
  if (described.length > maxLayerCount) throw new Unusable(`it has more than ${maxLayerCount} layers`);
  return { config: toDescriptor(config), layers: described };
}

function noSha256({ digest }: { digest: string }): NotAnImage {
  return new NotAnImage(`its digest ${shownType(digest)} is not a sha256 digest`);
}

type IndexEntry = z.infer<typeof indexEntry>;

function toDescriptor(found: Pick<IndexEntry, "digest" | "size" | "mediaType">): Descriptor {
  return { digest: found.digest as Digest, size: found.size, mediaType: found.mediaType ?? "" };
}

/** Plain platforms first, then variants, then entries without a platform. @throws NotAnImage naming what there is */
function candidates(entries: readonly IndexEntry[]): Candidate[] {
  const rank = (entry: IndexEntry) => (isOurs(entry.platform) === null ? 2 : entry.platform?.variant ? 1 : 0);
  const found = entries
    .filter((entry) => isReadable(entry) && isOurs(entry.platform) !== false)
    .toSorted((a, b) => rank(a) - rank(b))
    .map((entry) => ({ ...toDescriptor(entry), isOurs: isOurs(entry.platform) || null }));
  if (found.length > 0) return found.slice(0, maxCandidates);
  throw noneFor(entries);
}

/** entries of one index that are tried */
const maxCandidates = 20;

/** The size of the document bounds it, and `configProblem` checks Linux's limits. */
const texts = z.nullable(z.array(z.string()));
/** As docker reads it: a string is a list of one. */
const strings = z.union([texts, z.string()]);
const digest = z.string().check(z.refine(isDigest, "is not a sha256 digest"));
const imageSchema = z.object({
  os: maybe(z.string()),
  architecture: maybe(z.string()),
  rootfs: z.object({ diff_ids: z.array(digest).check(z.maxLength(maxLayerCount)) }),
  config: maybe(
    z.object({
      Env: z.optional(texts),
      Entrypoint: z.optional(strings),
      Cmd: z.optional(strings),
      WorkingDir: maybe(z.string()),
      User: maybe(z.string()),
    }),
  ),
});

/** Parses an image's config: its run configuration, and the digests of its unpacked layers. @throws ManifestError */
export function parseImage(bytes: Uint8Array): { config: ImageConfig; diffIds: Digest[] } {
  const image = checked(imageSchema, parseJson(bytes), "its config");
  if (isOurs(image) === false) {
    throw otherPlatform([platformText(image)]);
  }
  const { Env, Entrypoint, Cmd, WorkingDir, User } = image.config ?? {};
  const config: ImageConfig = {
    env: envOf(Env ?? []),
    entrypoint: stringsOf(Entrypoint),
    cmd: stringsOf(Cmd),
    workdir: workdirOf(WorkingDir ?? ""),
    user: User ?? "",
  };
  const problem = configProblem(config);
  if (problem !== null) throw new ManifestError(problem);
  return { config, diffIds: image.rootfs.diff_ids as Digest[] };
}

function stringsOf(found: z.infer<typeof strings> | undefined): string[] {
  if (typeof found === "string") return found === "" ? [] : [found];
  return found ?? [];
}

/** `NAME=VALUE`; entries without a name are dropped, as a shell would. */
function envOf(texts: readonly string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const text of texts) {
    const found = /^([^\s=]+)=(.*)$/s.exec(text);
    if (found) env[found[1] as string] = found[2] as string;
  }
  return env;
}

/** Resolved inside the image's root: `/a/../b` is `/b`. Containers start in `/` by default. */
function workdirOf(text: string): string {
  return `/${insideRoot(`/${text}`)}`;
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > maxDocument) throw new ManifestError(`it has a document of more than ${maxDocument} bytes`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Unusable("it has a document that is not JSON");
  }
}

function checked<T>(schema: z.ZodMiniType<T>, json: unknown, what: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.map(String).join(".") ?? "";
  throw new Unusable(`${what} is invalid: ${stripControl(`${path}: ${issue?.message ?? ""}`).slice(0, 200)}`);
}

function hasKey(json: unknown, key: string): boolean {
  return typeof json === "object" && json !== null && (json as Record<string, unknown>)[key] != null;
}

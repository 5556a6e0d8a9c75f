/** Indexes, manifests and image configs, as a stranger wrote them: parsed strictly, bounded, reduced to what is used. */
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

/** bytes of one document; the specification asks clients for 4 MiB at least */
export const maxDocument = 4 * 1024 * 1024;
export const maxLayerCount = 500;

/** What can't be used of a document. */
export class ManifestError extends ImageProblem {}

/** A blob: where it is looked for, and what it must be. */
export type Descriptor = { digest: Digest /** bytes */; size: number; mediaType: string };
export type Manifest = { config: Descriptor; layers: Descriptor[] };
/** `manifest`: an image; `index`: its manifest for this architecture is one of others, the likeliest first. */
export type Document = { kind: "manifest"; manifest: Manifest } | { kind: "index"; manifests: Candidate[] };
/** `isOurs`: null where only the image's config can say. */
export type Candidate = Descriptor & { isOurs: true | null };

/** Programs in Go write null for what is not there, and take it so. */
const maybe = <T>(schema: z.ZodMiniType<T>) => z.optional(z.nullable(schema));

/** Which digests are of use shows later, as artifacts may have others. */
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

/** How many layers an image may have is asked once it is known to be one. */
const manifestSchema = z.object({
  artifactType: maybe(z.string().check(z.maxLength(255))),
  config: descriptor,
  layers: z.nullable(z.array(descriptor)),
});
/** Entries that are none of ours are passed over later: another digest's algorithm, another type. */
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
 * @param mediaType as the registry named it; empty: the document says it itself
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
 * What a document is: one reader must not take for an image what another takes for an index (CVE-2021-41190).
 * @param sent the type that it came under; empty: none was said @throws ManifestError
 */
function typeOf(json: unknown, sent: string): string {
  const own = (json as { mediaType?: unknown } | null)?.mediaType;
  const said = typeof own === "string" ? own : "";
  if (["layers", "config"].some((key) => hasKey(json, key)) && hasKey(json, "manifests")) {
    throw new ManifestError(
      "its manifest is an image's and an index at once, so that programs take it for different things",
    );
  }
  const isKnown = [...indexTypes, ...manifestTypes].includes(sent);
  if (isKnown && said !== "" && said !== sent) {
    throw new ManifestError(`its manifest came as ${shownType(sent)}, and calls itself ${shownType(said)}`);
  }
  return said === "" ? sent : said;
}

/** An entry of an archive's index that may be an image for this machine, or why it is none. */
export type IndexedImage = { descriptor: Descriptor; name: string | null } | { refused: NotAnImage };

/** Every image an archive's index names, not only the one for this architecture. @throws ManifestError */
export function parseArchiveIndex(bytes: Uint8Array): IndexedImage[] {
  const { manifests } = checked(indexSchema, parseJson(bytes), "its index");
  return (manifests ?? []).map((entry) => {
    if (!isReadable(entry) || isOurs(entry.platform) === false) return { refused: noneFor([entry]) };
    const notes = entry.annotations ?? {};
    const name = notes["io.containerd.image.name"] ?? notes["org.opencontainers.image.ref.name"] ?? null;
    return { descriptor: toDescriptor(entry), name: name && stripControl(name).slice(0, 512) };
  });
}

/** Whether an entry is a manifest or an index that we can look for. */
function isReadable({ mediaType, digest: text }: IndexEntry): boolean {
  return isDigest(text) && (!mediaType || [...indexTypes, ...manifestTypes].includes(mediaType));
}

/** Why none of these is an image for this machine. */
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
  // BuildKit's attestations are made for `unknown/unknown`
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
  return new NotAnImage(`its digest ${shownType(digest)} is no sha256 digest`);
}

type IndexEntry = z.infer<typeof indexEntry>;

function toDescriptor(found: Pick<IndexEntry, "digest" | "size" | "mediaType">): Descriptor {
  return { digest: found.digest as Digest, size: found.size, mediaType: found.mediaType ?? "" };
}

/** A plain one before a variant, and that before what does not say. @throws NotAnImage naming what there is */
function candidates(entries: readonly IndexEntry[]): Candidate[] {
  const rank = (entry: IndexEntry) => (isOurs(entry.platform) === null ? 2 : entry.platform?.variant ? 1 : 0);
  const found = entries
    .filter((entry) => isReadable(entry) && isOurs(entry.platform) !== false)
    .toSorted((a, b) => rank(a) - rank(b))
    .map((entry) => ({ ...toDescriptor(entry), isOurs: isOurs(entry.platform) || null }));
  if (found.length > 0) return found.slice(0, maxCandidates);
  throw noneFor(entries);
}

/** that are looked at, of one index */
const maxCandidates = 20;

/** The whole of it is bounded by the size of its document, and `configProblem` says what Linux takes. */
const texts = z.nullable(z.array(z.string()));
/** As docker reads it: one text is a list of one. */
const words = z.union([texts, z.string()]);
const digest = z.string().check(z.refine(isDigest, "is no sha256 digest"));
const imageSchema = z.object({
  os: maybe(z.string()),
  architecture: maybe(z.string()),
  rootfs: z.object({ diff_ids: z.array(digest).check(z.maxLength(maxLayerCount)) }),
  config: maybe(
    z.object({
      Env: z.optional(texts),
      Entrypoint: z.optional(words),
      Cmd: z.optional(words),
      WorkingDir: maybe(z.string()),
      User: maybe(z.string()),
    }),
  ),
});

/** An image's config: how it wants to be run, and the digests of its layers when they are unpacked. @throws ManifestError */
export function parseImage(bytes: Uint8Array): { config: ImageConfig; diffIds: Digest[] } {
  const image = checked(imageSchema, parseJson(bytes), "its config");
  if (isOurs(image) === false) {
    throw otherPlatform([platformText(image)]);
  }
  const { Env, Entrypoint, Cmd, WorkingDir, User } = image.config ?? {};
  const config: ImageConfig = {
    env: envOf(Env ?? []),
    entrypoint: wordsOf(Entrypoint),
    cmd: wordsOf(Cmd),
    workdir: workdirOf(WorkingDir ?? ""),
    user: User ?? "",
  };
  const problem = configProblem(config);
  if (problem !== null) throw new ManifestError(problem);
  return { config, diffIds: image.rootfs.diff_ids as Digest[] };
}

function wordsOf(found: z.infer<typeof words> | undefined): string[] {
  if (typeof found === "string") return found === "" ? [] : [found];
  return found ?? [];
}

/** `NAME=VALUE`; what has no name is left out, as a shell would. */
function envOf(texts: readonly string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const text of texts) {
    const at = text.indexOf("=");
    if (at > 0 && /^[^\s=]+$/.test(text.slice(0, at))) env[text.slice(0, at)] = text.slice(at + 1);
  }
  return env;
}

/** As a file system takes it whose root is the image's: `/a/../b` is `/b`. Where none is given a container begins in `/`. */
function workdirOf(text: string): string {
  return `/${insideRoot(`/${text}`)}`;
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > maxDocument) throw new ManifestError(`it has a document of more than ${maxDocument} bytes`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new Unusable("it has a document that is no JSON");
  }
}

function checked<T>(schema: z.ZodMiniType<T>, json: unknown, what: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.map(String).join(".") ?? "";
  throw new Unusable(`${what} is wrong: ${stripControl(`${path}: ${issue?.message ?? ""}`).slice(0, 200)}`);
}

function hasKey(json: unknown, key: string): boolean {
  return typeof json === "object" && json !== null && (json as Record<string, unknown>)[key] != null;
}

/** Indexes, manifests and image configs, as a stranger wrote them: parsed strictly, bounded, reduced to what is used. */
import * as z from "zod/mini";
import { type Digest, isDigest } from "../../base/names.ts";
import { stripControl } from "../../base/text.ts";
import type { ImageConfig } from "../../model/artifact.ts";
import { configProblem } from "../config.ts";
import { indexTypes, isLayerType, isSchema1, manifestTypes } from "./media.ts";

/** bytes of one document; the specification asks clients for 4 MiB at least */
export const maxDocument = 4 * 1024 * 1024;
export const maxLayerCount = 500;

/** What can't be used; half a sentence. */
export class ManifestError extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(problem);
    this.name = "ManifestError";
    this.problem = problem;
  }
}

/** A blob: where it is looked for, and what it must be. */
export type Descriptor = { digest: Digest /** bytes */; size: number; mediaType: string };
export type Manifest = { config: Descriptor; layers: Descriptor[] };
/** `manifest`: an image; `index`: its manifest for this architecture is another document. */
export type Document = { kind: "manifest"; manifest: Manifest } | { kind: "index"; manifest: Descriptor };

const digest = z.string().check(z.refine(isDigest, "is no sha256 digest"));
const descriptor = z.object({
  mediaType: z.optional(z.string().check(z.maxLength(255))),
  digest,
  size: z.int().check(z.gte(0)),
});
const platform = z.object({
  os: z.optional(z.string()),
  architecture: z.optional(z.string()),
  variant: z.optional(z.string()),
});
const annotations = z.optional(z.nullable(z.record(z.string(), z.string())));

const manifestSchema = z.object({
  config: descriptor,
  layers: z.array(descriptor).check(z.maxLength(maxLayerCount, `has more than ${maxLayerCount} layers`)),
});
const indexSchema = z.object({
  manifests: z
    .array(z.extend(descriptor, { platform: z.optional(z.nullable(platform)), annotations }))
    .check(z.maxLength(1000, "has more than 1000 entries")),
});

/**
 * @param mediaType as the registry named it; empty: the document says it itself
 * @throws ManifestError
 */
export function parseDocument(bytes: Uint8Array, mediaType: string): Document {
  const json = parseJson(bytes);
  const said = (json as { mediaType?: unknown } | null)?.mediaType;
  const type = typeof said === "string" && said !== "" ? said : mediaType;
  if (isSchema1(type) || (json as { schemaVersion?: unknown } | null)?.schemaVersion === 1) {
    throw new ManifestError("it has a manifest of Docker's first schema, which is out of use: push it again");
  }
  if (indexTypes.includes(type) || (type === "" && hasKey(json, "manifests"))) {
    return { kind: "index", manifest: ourManifest(checked(indexSchema, json, "its index").manifests) };
  }
  if (!manifestTypes.includes(type) && !(type === "" && hasKey(json, "layers"))) {
    throw new ManifestError(`its manifest is of the type ${shownType(type)}`);
  }
  return { kind: "manifest", manifest: toManifest(checked(manifestSchema, json, "its manifest")) };
}

/** Every image an archive's index names, not only the one for this architecture. @throws ManifestError */
export function parseArchiveIndex(
  bytes: Uint8Array,
): { descriptor: Descriptor; name: string | null; isOurs: boolean }[] {
  const { manifests } = checked(indexSchema, parseJson(bytes), "its index");
  return manifests.map((entry) => {
    const notes = entry.annotations ?? {};
    const name = notes["io.containerd.image.name"] ?? notes["org.opencontainers.image.ref.name"] ?? null;
    return {
      descriptor: toDescriptor(entry),
      name: name && stripControl(name).slice(0, 512),
      isOurs: isOurs(entry.platform),
    };
  });
}

function toManifest({ config, layers }: z.infer<typeof manifestSchema>): Manifest {
  const described = layers.map(toDescriptor);
  const foreign = described.find((layer) => layer.mediaType !== "" && !isLayerType(layer.mediaType));
  if (foreign)
    throw new ManifestError(
      `a layer is of the type ${shownType(foreign.mediaType)}: this is no image of a file system`,
    );
  if (layers.length === 0) throw new ManifestError("it has no layers");
  return { config: toDescriptor(config), layers: described };
}

function toDescriptor(found: z.infer<typeof descriptor>): Descriptor {
  return { digest: found.digest as Digest, size: found.size, mediaType: found.mediaType ?? "" };
}

/** Entries for no platform, as those of attestations, are none. @throws ManifestError naming what there is */
function ourManifest(entries: z.infer<typeof indexSchema>["manifests"]): Descriptor {
  const ours = entries.filter((entry) => isOurs(entry.platform));
  const best = ours.find((entry) => !entry.platform?.variant) ?? ours[0];
  if (best) return toDescriptor(best);
  const names = entries.map((entry) => `${entry.platform?.os ?? "?"}/${entry.platform?.architecture ?? "?"}`);
  const known = [...new Set(names.filter((name) => !name.includes("unknown")))].slice(0, 10).map(shownType);
  throw new ManifestError(`it is not made for linux/amd64, only for ${known.join(", ") || "nothing"}`);
}

/** An entry that does not say is taken for ours: archives of one image often don't. */
function isOurs(found: z.infer<typeof platform> | null | undefined): boolean {
  if (!found) return true;
  return found.os === "linux" && found.architecture === "amd64";
}

const texts = z.nullable(z.array(z.string()).check(z.maxLength(4096)));
const imageSchema = z.object({
  os: z.optional(z.string()),
  architecture: z.optional(z.string()),
  rootfs: z.object({ diff_ids: z.array(digest).check(z.maxLength(maxLayerCount)) }),
  config: z.optional(
    z.nullable(
      z.object({
        Env: z.optional(texts),
        Entrypoint: z.optional(texts),
        Cmd: z.optional(texts),
        WorkingDir: z.optional(z.nullable(z.string())),
        User: z.optional(z.nullable(z.string())),
      }),
    ),
  ),
});

/** An image's config: how it wants to be run, and the digests of its layers when they are unpacked. @throws ManifestError */
export function parseImage(bytes: Uint8Array): { config: ImageConfig; diffIds: Digest[] } {
  const image = checked(imageSchema, parseJson(bytes), "its config");
  if ((image.os ?? "linux") !== "linux" || (image.architecture ?? "amd64") !== "amd64") {
    throw new ManifestError(`it is made for ${shownType(`${image.os}/${image.architecture}`)}, not for linux/amd64`);
  }
  const { Env, Entrypoint, Cmd, WorkingDir, User } = image.config ?? {};
  const config: ImageConfig = {
    env: envOf(Env ?? []),
    entrypoint: Entrypoint ?? [],
    cmd: Cmd ?? [],
    workdir: workdirOf(WorkingDir ?? ""),
    user: User ?? "",
  };
  const problem = configProblem(config);
  if (problem !== null) throw new ManifestError(problem);
  return { config, diffIds: image.rootfs.diff_ids as Digest[] };
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

/** Where none is given a container begins in `/`. */
function workdirOf(text: string): string {
  return `/${text}`.replace(/\/+/g, "/").replace(/(.)\/$/, "$1");
}

function parseJson(bytes: Uint8Array): unknown {
  if (bytes.length > maxDocument) throw new ManifestError(`it has a document of more than ${maxDocument} bytes`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ManifestError("it has a document that is no JSON");
  }
}

function checked<T>(schema: z.ZodMiniType<T>, json: unknown, what: string): T {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path.map(String).join(".") ?? "";
  throw new ManifestError(`${what} is wrong: ${stripControl(`${path}: ${issue?.message ?? ""}`).slice(0, 200)}`);
}

function hasKey(json: unknown, key: string): boolean {
  return typeof json === "object" && json !== null && key in json;
}

function shownType(text: string): string {
  return JSON.stringify(stripControl(text).slice(0, 100));
}

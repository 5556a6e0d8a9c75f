/** An image's record, and the digest that says which images are the same. */
import { createHash } from "node:crypto";
import type { Digest, ImageName } from "../base/names.ts";
import type { ImageConfig, ImageRecord, InitKind, LayerRef } from "../model/artifact.ts";

/** What a plain root file system says about running it: nothing. */
export const emptyConfig: ImageConfig = { env: {}, entrypoint: [], cmd: [], workdir: "", user: "" };

export type RecordFacts = {
  name: ImageName;
  layers: LayerRef[];
  init: InitKind;
  source: string;
  config: ImageConfig;
  /** Unix time in `ms` */
  createdAt: number;
};

export function imageRecord(facts: RecordFacts): ImageRecord {
  return { ...facts, digest: imageDigest(facts.layers, facts.config) };
}

/** Over the layers' digests, lowest first, and the config with its keys in order. */
export function imageDigest(layers: readonly LayerRef[], config: ImageConfig): Digest {
  const env = Object.entries(config.env).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const { entrypoint, cmd, workdir, user } = config;
  const content = JSON.stringify([layers.map((layer) => layer.digest), env, entrypoint, cmd, workdir, user]);
  return `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;
}

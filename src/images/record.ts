/** An image's record, and the digest that identifies equal images. */
import { createHash } from "node:crypto";
import type { Digest, ImageName } from "../base/names.ts";
import type { ConfigChange, ImageConfig, ImageRecord, InitKind, LayerRef, RootFacts } from "../model/artifact.ts";

/**
 * Most layers of an image; further ones are merged. With three disks of its VM's own and two that stay free, it has as many
 * disks as the driver takes that takes the fewest.
 */
export const maxLayers = 10;

/** The run configuration of a plain root file system: empty. */
export const emptyConfig: ImageConfig = { env: {}, entrypoint: [], cmd: [], workdir: "", user: "" };

/**
 * Applies a change: given values replace the old ones, variables are added. A new entrypoint without a `cmd` clears it,
 * because the old one belonged to another program.
 */
export function changedConfig(base: ImageConfig, change: ConfigChange): ImageConfig {
  const cmd = change.cmd ?? (change.entrypoint ? [] : base.cmd);
  return { ...base, ...change, cmd, env: { ...base.env, ...change.env } };
}

export type RecordFacts = {
  name: ImageName;
  layers: LayerRef[];
  direct: LayerRef | null;
  init: InitKind;
  shell: boolean;
  source: string;
  config: ImageConfig;
  /** Unix time in `ms` */
  createdAt: number;
};

export function imageRecord(facts: RecordFacts): ImageRecord {
  return { ...facts, kernel: null, digest: imageDigest(facts) };
}

/** Over the layers' digests, lowest first, and the config with its keys in order. */
export function imageDigest({ layers, direct, config }: Pick<RecordFacts, "layers" | "direct" | "config">): Digest {
  const env = Object.entries(config.env).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const { entrypoint, cmd, workdir, user } = config;
  const digests = layers.map((layer) => layer.digest);
  const content = JSON.stringify([digests, env, entrypoint, cmd, workdir, user, ...(direct ? [direct.digest] : [])]);
  return `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;
}

/** The attributes of the image's root folder: the highest layer that has them decides. */
export function rootOf(layers: readonly LayerRef[]): RootFacts {
  return layers.findLast((layer) => layer.root !== null)?.root ?? { mode: 0o755, uid: 0, gid: 0 };
}

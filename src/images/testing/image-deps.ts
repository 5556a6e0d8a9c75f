/** What storing images needs, on a real folder. */
import { VerifiedFiles } from "../../artifacts/verified.ts";
import type { Digest } from "../../base/names.ts";
import { realCage } from "../../host/testing/tool-cage.ts";
import type { LayerRef } from "../../model/artifact.ts";
import type { Paths } from "../../model/paths.ts";
import { defaultBudget, type ImageDeps } from "../deps.ts";
import type { Budget } from "../layer/reading.ts";
import { Layers } from "../layers.ts";

export type TestDeps = ImageDeps & { verified: VerifiedFiles } & {
  /** what the store would know */ known: Map<Digest, LayerRef>;
};

export function imageDeps(paths: Paths, changes: { now?: () => number; budget?: Budget } = {}): TestDeps {
  const known = new Map<Digest, LayerRef>();
  const verified = new VerifiedFiles();
  const cage = realCage();
  return {
    paths,
    known,
    verified,
    layers: new Layers({ paths, verified, knownLayer: (digest) => known.get(digest) ?? null, cpus: 2, cage }),
    cage,
    now: changes.now ?? (() => Date.now()),
    budget: async () => ({ ...(changes.budget ?? defaultBudget) }),
  };
}

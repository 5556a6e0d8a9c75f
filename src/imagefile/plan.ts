/** An image build as data: read from a TOML file, carried out by the CLI in a VM. */
import type { ImageName } from "../base/names.ts";
import type { ConfigChange } from "../model/artifact.ts";
import type { PlanEntry } from "../workspace/types.ts";

export type BuildPlan = {
  name: ImageName;
  /** where it was read from, for display */
  source: string;
  base: BuildBase;
  /** names for the base's own package manager */
  packages: readonly string[];
  files: readonly FilePlan[];
  run: readonly RunStep[];
  /** only for the installation of packages and the steps */
  env: Record<string, string>;
  /** changes to the base's run configuration; null if none */
  config: ConfigChange | null;
  vm: { vcpu?: number; memoryMib?: number; diskBytes?: number };
};

/** An image by name, or a Debian suite that is built on this host. */
export type BuildBase = { image: string } | { suite: string };

export type FilePlan = {
  /** in the guest, absolute */
  path: string;
  /** `user` or `user:group`, by name or number */
  owner: string;
  /** parents before their content; paths relative to the folder that contains `path` */
  entries: readonly PlanEntry[];
};

export type RunStep = {
  argv: readonly string[];
  /** one line, for display */
  title: string;
  /** it was written as a string, so it needs the guest's `sh` */
  isShell: boolean;
};

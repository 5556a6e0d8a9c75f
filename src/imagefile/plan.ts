/** What a user wants an image to be made of, as data: read from a TOML file, carried out by the CLI in a VM. */
import type { ImageName } from "../base/names.ts";
import type { ConfigChange } from "../model/artifact.ts";
import type { PlanEntry } from "../workspace/types.ts";

export type BuildPlan = {
  name: ImageName;
  /** where it is read from, for people */
  source: string;
  base: BuildBase;
  /** names for the base's own package manager */
  packages: readonly string[];
  files: readonly FilePlan[];
  run: readonly RunStep[];
  /** of the packages' installation and of every step, and of nothing else */
  env: Record<string, string>;
  /** what the image says otherwise than its base; null: nothing */
  config: ConfigChange | null;
  vm: { vcpu?: number; memoryMib?: number; diskBytes?: number };
};

/** Any image by what it is called, or a Debian that is built on this host. */
export type BuildBase = { image: string } | { suite: string };

export type FilePlan = {
  /** in the guest, absolute */
  path: string;
  /** `user` or `user:group`, by name or number */
  owner: string;
  /** parents before what is in them; paths relative to the folder that `path` is in */
  entries: readonly PlanEntry[];
};

export type RunStep = {
  argv: readonly string[];
  /** one line, for people */
  title: string;
  /** it was written as a text: it needs the guest's `sh` */
  isShell: boolean;
};

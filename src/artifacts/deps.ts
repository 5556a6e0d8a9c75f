/** Dependencies for making images and kernels, besides the files and processes of `host/`. */
import type { Exec } from "../host/process/exec.ts";
import type { ToolCage } from "../host/process/tool-cage.ts";
import type { Paths } from "../model/paths.ts";

/** Of the daemon. */
export type ArtifactDeps = {
  paths: Paths;
  exec: Exec;
  cage: ToolCage;
  /** Unix time in `ms` */
  now(): number;
};

/** Of the recipes, which run as the user, in the CLI. */
export type RecipeDeps = {
  exec: Exec;
  cage: ToolCage;
  env: Record<string, string | undefined>;
  uid: number;
  /** creates a private folder for this process's unfinished work, in the user's cache */
  scratch(): Promise<string>;
  /**
   * GET; follows no redirect to an address that the URL's own host must not redirect to; rejects if the body has more
   * than `maxBytes`
   */
  fetchBytes(url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
  /** Unix time in `ms` */
  now(): number;
};

/** What making images and kernels needs beside the files and processes of `host/`. */
import type { Exec } from "../host/process/exec.ts";
import type { ToolCage } from "../host/process/tool-cage.ts";
import type { Paths } from "../model/paths.ts";

/** The daemon's side. */
export type ArtifactDeps = {
  paths: Paths;
  exec: Exec;
  cage: ToolCage;
  /** Unix time in `ms` */
  now(): number;
};

/** The recipes' side: runs as the user, in the CLI. */
export type RecipeDeps = {
  exec: Exec;
  cage: ToolCage;
  env: Record<string, string | undefined>;
  uid: number;
  /** a new private folder for this process's unfinished work, below the user's cache */
  scratch(): Promise<string>;
  /** GET; redirects lead to no address that the URL's own host may not name; rejects when it has more than `maxBytes` */
  fetchBytes(url: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array>;
  /** Unix time in `ms` */
  now(): number;
};

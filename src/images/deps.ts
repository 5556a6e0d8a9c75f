/** Dependencies for storing images, besides the files of `host/`. */
import type { ToolCage } from "../host/process/tool-cage.ts";
import type { Paths } from "../model/paths.ts";
import type { Budget } from "./layer/reading.ts";
import type { Layers } from "./layers.ts";

export type ImageDeps = {
  paths: Paths;
  layers: Layers;
  cage: ToolCage;
  /** Unix time in `ms` */
  now(): number;
  /** the limits of one image, unpacked */
  budget(): Promise<Budget>;
};

/** The default limit: 64 GiB. */
export const defaultBudget: Budget = { bytes: 64 * 1024 ** 3, entries: 4_000_000 };

/** How errors about full disks name the work. */
export const storingImage = "storing an image";

/** What storing images needs beside the files of `host/`. */
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
  /** what one image may have in all, when it is unpacked */
  budget(): Promise<Budget>;
};

/** When nothing else is said: 64 GiB. */
export const defaultBudget: Budget = { bytes: 64 * 1024 ** 3, entries: 4_000_000 };

/** What the work is called in errors about full disks. */
export const storingImage = "storing an image";

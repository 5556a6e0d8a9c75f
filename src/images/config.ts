/** What an image says about running it, as a stranger wrote it. */
import type { ImageConfig } from "../model/artifact.ts";

const maxText = 64 * 1024;

/** What is wrong with it, as half a sentence; null when it can be used. */
export function configProblem(config: ImageConfig): string | null {
  const all = JSON.stringify(config);
  if (all.length > maxText) return "its config is too large";
  if (all.includes("\\u0000")) return "its config holds a NUL";
  return config.workdir.split("/").includes("..") ? "its working directory leaves the root" : null;
}

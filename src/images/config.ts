/** What an image says about running it, as a stranger wrote it. */
import type { ImageConfig } from "../model/artifact.ts";

/** bytes of all of it: Linux takes 2 MiB of words and variables together, with those that banger adds */
const maxText = 1024 * 1024;
/** bytes of one word or variable, its end included (MAX_ARG_STRLEN) */
const maxWord = 128 * 1024;

/** What is wrong with it, as half a sentence; null when it can be used. */
export function configProblem(config: ImageConfig): string | null {
  const all = JSON.stringify(config);
  if (Buffer.byteLength(all) > maxText) return "its config is too large";
  const { env, entrypoint, cmd } = config;
  const words = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...entrypoint, ...cmd];
  if (words.some((word) => Buffer.byteLength(word) >= maxWord))
    return "its config has a variable or word that Linux does not take";
  if (all.includes("\\u0000")) return "its config holds a NUL";
  return config.workdir.split("/").includes("..") ? "its working directory leaves the root" : null;
}

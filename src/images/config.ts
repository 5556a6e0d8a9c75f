/** Limits on an image's run configuration, which is untrusted. */
import type { ImageConfig } from "../model/artifact.ts";

/**
 * bytes of the whole configuration: Linux takes 2 MiB of arguments and variables together, including those that banger
 * adds
 */
const maxText = 1024 * 1024;
/** bytes of one argument or variable, with its terminating NUL (MAX_ARG_STRLEN) */
const maxString = 128 * 1024;

/** What is wrong with the configuration, as a clause; null if it is usable. */
export function configProblem(config: ImageConfig): string | null {
  const all = JSON.stringify(config);
  if (Buffer.byteLength(all) > maxText) return "its config is too large";
  const { env, entrypoint, cmd } = config;
  const strings = [...Object.entries(env).map(([name, value]) => `${name}=${value}`), ...entrypoint, ...cmd];
  if (strings.some((one) => Buffer.byteLength(one) >= maxString))
    return "its config has a variable or argument that is too long for Linux";
  if (all.includes("\\u0000")) return "its config contains a NUL";
  return config.workdir.split("/").includes("..") ? "its working directory leaves the root" : null;
}

/** Paths in config.toml that may begin with `~/`. Pure. */

/** @param home the user's */
export function absolutePath(path: string, home: string): string {
  return path.startsWith("~/") ? `${home}${path.slice(1)}` : path;
}

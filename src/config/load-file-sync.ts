/** The entries of `file_sync`, for the CLI: most users have none, and then the configuration is not parsed. */
import { readTextIfAny } from "../host/files/files.ts";
import type { FileSyncEntry } from "../model/file-sync.ts";

/** @param deps.file `paths.configFile` @throws CONFIG_INVALID as `loadConfig` */
export async function loadFileSync(deps: { file: string }): Promise<readonly FileSyncEntry[]> {
  const text = await readTextIfAny(deps.file, 256 * 1024).catch(() => undefined);
  if (text === null || (text !== undefined && !mayHaveEntries(text))) return [];
  const { loadConfig } = await import("./load.ts");
  return (await loadConfig(deps)).fileSync;
}

/** A key can be written with escapes (TOML 1.0, quoted keys). */
function mayHaveEntries(text: string): boolean {
  return text.includes("file_sync") || /\\u/i.test(text);
}

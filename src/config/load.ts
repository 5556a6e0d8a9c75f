/** Reads `config.toml`. A missing file is fine; any other problem is reported with its path. */
import { BangerError, fail } from "../base/errors/error.ts";
import { readTextIfAny } from "../host/files/files.ts";
import type { Config } from "./config.ts";
import { defaultConfig, parseConfig } from "./parse.ts";

/** Larger than any sensible configuration; a log or a core file with that name is refused unread. */
const maxBytes = 256 * 1024;

/**
 * @param deps.file `paths.configFile`
 * @throws CONFIG_INVALID with all problems at once, also for a file that can't be read
 */
export async function loadConfig(deps: { file: string }): Promise<Config> {
  const text = await readConfigText(deps.file);
  return text === null ? defaultConfig(deps.file) : parseConfig(deps.file, text);
}

/** As `loadConfig`, and the defaults where it can't be read, for those who leave it to others to report that. */
export async function configOrDefault(deps: { file: string }): Promise<Config> {
  return loadConfig(deps).catch(() => defaultConfig(deps.file));
}

async function readConfigText(file: string): Promise<string | null> {
  try {
    return await readTextIfAny(file, maxBytes);
  } catch (error) {
    throw fail("CONFIG_INVALID", { file, problems: [whyUnreadable(error)] }, error);
  }
}

const reasons: Record<string, string> = {
  EISDIR: "it is a folder, not a file",
  EACCES: "reading it is not permitted: check its owner and mode",
  EPERM: "reading it is not permitted: check its owner and mode",
  ELOOP: "it is a symbolic link that leads in circles",
  ENOTDIR: "a part of its path is a file",
};

function whyUnreadable(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  if (error instanceof BangerError && typeof error.details["problem"] === "string") return error.details["problem"];
  return reasons[String(code)] ?? (error instanceof Error ? error.message : String(error));
}

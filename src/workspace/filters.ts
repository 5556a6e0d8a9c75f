/** Whether files of a repository go through filters (`filter=lfs` in its attributes), which the guest does not have. */
import { readBeneath } from "../host/tree.ts";
import { baseName } from "./names.ts";
import type { OpenRepository } from "./open-repository.ts";
import type { PlanEntry } from "./types.ts";
import { wildmatch } from "./wildmatch.ts";

const maxAttributesFile = 1024 * 1024;
/** of files with attributes in one repository */
const maxFiles = 10_000;
/** of the user's own, each held against every file */
const maxUserPatterns = 100;

/**
 * A hint for a note: a filter that any of the repository's own attributes names counts, one of the user's when a file matches.
 * @param entries of the whole workspace
 */
export function usesFilters(open: OpenRepository, entries: readonly PlanEntry[]): boolean {
  const own = entries.filter(({ path }) => isIn(open.path, path));
  const files = own.filter(({ path, kind }) => kind === "file" && baseName(path) === ".gitattributes");
  const { workTree, commonDir } = open.repository;
  const top = open.path.length === 0 ? 0 : open.path.length + 1;
  const names = new Set([".gitattributes", ...files.slice(0, maxFiles).map(({ path }) => path.slice(top))]);
  if ([...names].some((name) => namesFilter(textOf(workTree, name)))) return true;
  if (namesFilter(textOf(commonDir, "info/attributes"))) return true;
  return open.settings.attributes.some((file) => {
    const patterns = filterPatterns(textOf(file.slice(0, file.lastIndexOf("/")) || "/", baseName(file)));
    return own.some(({ path, kind }) => kind === "file" && patterns.some((each) => applies(each, path.slice(top))));
  });
}

function isIn(folder: string, path: string): boolean {
  return folder === "" || path.startsWith(`${folder}/`);
}

function namesFilter(text: string): boolean {
  return /^[^#\n]*[ \t]filter=/m.test(text);
}

/** Patterns of the lines that set a filter, by a macro too (gitattributes(5)). */
export function filterPatterns(text: string): string[] {
  const lines = text.split("\n").map((line) => line.trim().split(/[ \t]+/));
  const setting = new Set<string>();
  for (const [name = "", ...attributes] of lines) {
    if (name.startsWith("[attr]") && attributes.some(isFilter)) setting.add(name.slice("[attr]".length));
  }
  const patterns = lines.flatMap(([pattern = "", ...attributes]) =>
    pattern !== "" && !/^(?:#|\[attr\])/.test(pattern) && attributes.some((each) => isFilter(each) || setting.has(each))
      ? [pattern]
      : [],
  );
  return patterns.slice(0, maxUserPatterns);
}

function isFilter(attribute: string): boolean {
  return attribute.startsWith("filter=");
}

/** A pattern without a slash is a file's name, in any folder. */
function applies(pattern: string, path: string): boolean {
  return pattern.includes("/") ? wildmatch(pattern.replace(/^\//, ""), path) : wildmatch(pattern, baseName(path));
}

function textOf(folder: string, name: string): string {
  try {
    const bytes = readBeneath(folder, name, maxAttributesFile);
    return bytes === null ? "" : Buffer.from(bytes).toString("latin1");
  } catch {
    return "";
  }
}

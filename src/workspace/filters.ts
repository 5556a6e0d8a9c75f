/** Attributes of a repository's files: whether filters apply to them, and which of the user's own attributes the guest needs. */
import { readBeneath } from "../host/files/tree.ts";
import { contentAttributes, filterPatterns } from "./attributes.ts";
import { baseName } from "./names.ts";
import type { OpenRepository } from "./open-repository.ts";
import type { PlanEntry } from "./types.ts";
import { wildmatch } from "./wildmatch.ts";

const maxAttributesFile = 1024 * 1024;
/** the most files with attributes in one repository */
const maxFiles = 10_000;
/** the most patterns of the user's own, each tried on every file */
const maxUserPatterns = 100;

/**
 * Decides about a note: true if any attribute of the repository names a filter, or one of the user's matches a file.
 * @param entries all entries of the workspace
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
    const patterns = filterPatterns(textOf(file.slice(0, file.lastIndexOf("/")) || "/", baseName(file))).slice(
      0,
      maxUserPatterns,
    );
    return own.some(({ path, kind }) => kind === "file" && patterns.some((each) => applies(each, path.slice(top))));
  });
}

function isIn(folder: string, path: string): boolean {
  return folder === "" || path.startsWith(`${folder}/`);
}

function namesFilter(text: string): boolean {
  return /^[^#\n]*[ \t]filter=/m.test(text);
}

/** A pattern without a slash matches a file's name in any folder. */
function applies(pattern: string, path: string): boolean {
  return pattern.includes("/") ? wildmatch(pattern.replace(/^\//, ""), path) : wildmatch(pattern, baseName(path));
}

/** Lines of the system's and the user's own attributes that the guest needs for `git status`; byte text. */
export function userAttributes({ settings }: OpenRepository): string {
  // a file elsewhere that the repository's untrusted configuration names must not be sent
  const files = settings.attributes.filter((file) => !settings.outside.includes(file));
  return files
    .map((file) => contentAttributes(textOf(file.slice(0, file.lastIndexOf("/")) || "/", baseName(file))))
    .join("");
}

function textOf(folder: string, name: string): string {
  try {
    const bytes = readBeneath(folder, name, maxAttributesFile);
    return bytes === null ? "" : Buffer.from(bytes).toString("latin1");
  } catch {
    return "";
  }
}

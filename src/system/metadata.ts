/** Reads what is known of the install. */
import { fail } from "../base/errors/error.ts";
import { readRootFile } from "../host/files/root-file.ts";
import { type InstallMetadata, maxMetadata, parseMetadata } from "../model/install.ts";
import type { SystemPaths } from "../model/paths.ts";

export type MetadataFound = { metadata: InstallMetadata } | { problem: string } | null;

/** Null without an install. @param facts.root who may own the file beside root; for tests */
export function readMetadata(facts: { paths: Pick<SystemPaths, "metadata">; root: number }): MetadataFound {
  const file = readRootFile(facts.paths.metadata, maxMetadata, facts.root);
  if (file === null || "problem" in file) return file;
  const metadata = parseMetadata(file.text);
  return "problem" in metadata ? metadata : { metadata };
}

/** For what runs only in an install. @param root as for `readMetadata` @throws SYSTEM_NOT_INSTALLED, SYSTEM_METADATA_INVALID */
export function requireInstall(path: string, root = 0): InstallMetadata {
  const found = readMetadata({ paths: { metadata: path }, root });
  if (found === null) throw fail("SYSTEM_NOT_INSTALLED", {});
  if ("problem" in found) throw fail("SYSTEM_METADATA_INVALID", { path, problem: found.problem });
  return found.metadata;
}

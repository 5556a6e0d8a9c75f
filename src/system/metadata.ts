/** Reads what is known of the install. */
import { readRootFile } from "../host/files/root-file.ts";
import { maxMetadata, parseMetadata } from "../model/install.ts";
import type { MetadataFound, SystemWorld } from "./world.ts";

/** Null without an install. */
export function readMetadata({ paths, root }: Pick<SystemWorld, "paths" | "root">): MetadataFound {
  const file = readRootFile(paths.metadata, maxMetadata, root);
  if (file === null || "problem" in file) return file;
  const metadata = parseMetadata(file.text);
  return "problem" in metadata ? metadata : { metadata };
}

/** The built-in catalog. */
import type { CatalogEntry } from "../../model/catalog.ts";
import text from "./built-in.toml" with { type: "text" };
import { parseCatalog } from "./parse.ts";

let entries: CatalogEntry[] | null = null;

export function builtInEntries(): CatalogEntry[] {
  entries ??= parseCatalog(new TextEncoder().encode(text as string), null).entries;
  return entries;
}

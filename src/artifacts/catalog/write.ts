/** An entry as it stands in a catalog file. */
import { stringify } from "smol-toml";
import type { Digest } from "../../base/names.ts";
import type { CatalogKind } from "../../model/catalog.ts";

export type NewEntry = {
  kind: CatalogKind;
  name: string;
  description: string;
  /** as seen from the catalog */
  url: string;
  digest: Digest;
  size: number;
  kernel: string | null;
};

/** TOML, to be put behind what a catalog has. */
export function entryToml({ kind, name, description, url, digest, size, kernel }: NewEntry): string {
  const said = description === "" ? {} : { description };
  const own = kernel === null ? {} : { kernel };
  return stringify({ [kind]: [{ name, ...said, url, sha256: digest.slice("sha256:".length), size, ...own }] });
}

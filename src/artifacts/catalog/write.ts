/** Writes an entry of a catalog file. */
import { stringify } from "smol-toml";
import type { Digest } from "../../base/names.ts";
import type { CatalogKind } from "../../model/catalog.ts";

export type NewEntry = {
  kind: CatalogKind;
  name: string;
  description: string;
  /** relative to the catalog */
  url: string;
  digest: Digest;
  size: number;
  kernel: string | null;
};

/** TOML, to be appended to a catalog. */
export function entryToml({ kind, name, description, url, digest, size, kernel }: NewEntry): string {
  const described = description === "" ? {} : { description };
  const own = kernel === null ? {} : { kernel };
  return stringify({ [kind]: [{ name, ...described, url, sha256: digest.slice("sha256:".length), size, ...own }] });
}

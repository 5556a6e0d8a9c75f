/** What catalogs offer. */
import type { Digest, ImageName } from "../base/names.ts";

export const catalogKinds = ["image", "kernel"] as const;
export type CatalogKind = (typeof catalogKinds)[number];

/** A published bundle: files in one place, all of them pinned by the digest of the first. */
export type BundleRef = {
  /** URL of its folder, with a slash at its end */
  url: string;
  /** of its `manifest.json` */
  digest: Digest;
  /** bytes that are fetched, the manifest not counted */
  size: number;
};

export type CatalogEntry = {
  kind: CatalogKind;
  name: ImageName;
  description: string;
  /** URL of the catalog that has it; null: the one in the program itself */
  catalog: string | null;
  /** of an image: what its VMs boot when nothing else is said; null: the default kernel */
  kernel: ImageName | null;
  /** fetched, or made on this host */
  from: { bundle: BundleRef } | { recipe: string };
};

/** An entry as the API shows it. */
export type CatalogItem = CatalogEntry & {
  /** `other`: something else has that name here */
  here: "yes" | "no" | "other";
};

/** A catalog that the config names, and how it is. */
export type CatalogState = {
  url: string;
  entries: number;
  /** why it could not be had, or not be used */
  problem: string | null;
  /** Unix time in `ms` of the kept copy that was used instead; null: none was */
  keptSince: number | null;
};

export type CatalogView = { entries: CatalogItem[]; catalogs: CatalogState[] };

/** What catalogs offer. */
import type { Digest, ImageName } from "../base/names.ts";

export const catalogKinds = ["image", "kernel"] as const;
export type CatalogKind = (typeof catalogKinds)[number];

/** A published bundle: files in one folder, all pinned by the digest of the first. */
export type BundleRef = {
  /** URL of its folder, with a final slash */
  url: string;
  /** of its `manifest.json` */
  digest: Digest;
  /** bytes to download, without the manifest */
  size: number;
};

export type CatalogEntry = {
  kind: CatalogKind;
  name: ImageName;
  description: string;
  /** URL of the catalog that lists it; null: the catalog in the program itself */
  catalog: string | null;
  /** of an image: what its VMs boot unless a kernel is named; null: the default kernel */
  kernel: ImageName | null;
  /** downloaded, or made on this host */
  from: { bundle: BundleRef } | { recipe: string };
};

/** An entry in the API. */
export type CatalogItem = CatalogEntry & {
  /** `other`: something different has that name here */
  here: "yes" | "no" | "other";
};

/** The state of a catalog that the config names. */
export type CatalogState = {
  url: string;
  entries: number;
  /** why it was not available or not usable */
  problem: string | null;
  /** Unix time in `ms` of the kept copy that was used instead; null: none was */
  keptSince: number | null;
};

export type CatalogView = { entries: CatalogItem[]; catalogs: CatalogState[] };

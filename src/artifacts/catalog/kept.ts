/** Keeps the last good copy of each catalog: for use offline, and to compare newer downloads with (`rollback.ts`). */
import { createHash, type KeyObject } from "node:crypto";
import type { Digest } from "../../base/names.ts";
import { ensureFolder, readBytes, writeAtomic } from "../../host/files/files.ts";
import type { Paths } from "../../model/paths.ts";
import type { ParsedCatalog } from "./parse.ts";
import { maxSignature } from "./signature.ts";
import { openSigned } from "./trust.ts";

export const maxCatalog = 1024 * 1024;

type Folder = Pick<Paths, "catalogs" | "catalog">;

export type KeptCatalog = {
  catalog: ParsedCatalog;
  /** when it was fetched, Unix time in `ms` */
  since: number | null;
};

export function keptPath(paths: Folder, url: string): string {
  return paths.catalog(`sha256:${createHash("sha256").update(url).digest("hex")}` as Digest);
}

/**
 * Signature, time of download and, from the second line on, the catalog, in one file so that they always match.
 * Catalogs from local files are not kept.
 */
export async function keepCatalog(
  paths: Folder,
  url: string,
  { content, signature, now }: { content: Uint8Array; signature: string; now: number },
): Promise<void> {
  if (url.startsWith("file:")) return;
  // without the line breaks that some tools put into base64
  const head = Buffer.from(`${signature.replace(/\s+/g, "")} ${now}\n`);
  // failing to keep a copy is not an error
  await ensureFolder(paths.catalogs)
    .then(() => writeAtomic(keptPath(paths, url), Buffer.concat([head, content])))
    .catch(() => {});
}

/**
 * Reads the kept copy, checked like a downloaded one except for its expiry. Null if there is none signed by this key.
 */
export async function readKept(paths: Folder, url: string, key: KeyObject): Promise<KeptCatalog | null> {
  try {
    const bytes = Buffer.from(await readBytes(keptPath(paths, url), maxCatalog + 2 * maxSignature));
    const at = bytes.indexOf(0x0a);
    const [signature = "", since] = bytes.toString("latin1", 0, at).split(" ");
    return { catalog: openSigned(bytes.subarray(at + 1), signature, url, key), since: Number(since) || null };
  } catch {
    return null;
  }
}

/** Decides whether to trust a downloaded catalog: its signature, its content and its expiry. Pure. */
import type { KeyObject } from "node:crypto";
import { fail } from "../../base/errors/error.ts";
import { CatalogError, type ParsedCatalog, parseCatalog } from "./parse.ts";
import { signatureProblem } from "./signature.ts";

/** Checks the signature before parsing anything. @throws CATALOG_UNTRUSTED, CATALOG_INVALID */
export function openSigned(content: Uint8Array, signature: string, url: string, key: KeyObject): ParsedCatalog {
  const problem = signatureProblem(content, signature, key);
  if (problem !== null) throw fail("CATALOG_UNTRUSTED", { url, problem });
  try {
    return parseCatalog(content, url);
  } catch (error) {
    throw error instanceof CatalogError ? fail("CATALOG_INVALID", { url, problems: error.problems }, error) : error;
  }
}

/** @param now Unix time in `ms` @throws CATALOG_EXPIRED */
export function requireUnexpired({ expires }: ParsedCatalog, url: string, now: number): void {
  if (expires !== null && expires <= now) throw fail("CATALOG_EXPIRED", { url, expired: dateOf(expires) });
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** Decides whether to trust a downloaded catalog: its signature, its content, and that it is not an old one. Pure. */
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

type Times = Pick<ParsedCatalog, "issued" | "expires">;

/**
 * Why a catalog is older than the kept one; null if it is not, or neither has a date. Signatures stay valid, so without
 * this check anyone between publisher and user could bring back a withdrawn catalog. `issued` decides; if neither has
 * it, `expires`, which publishers advance with each new catalog.
 */
export function whyOlder(served: Times, known: Times): string | null {
  if (known.issued !== null) return earlier(served.issued, known.issued, "was issued");
  if (served.issued !== null || known.expires === null) return null;
  return earlier(served.expires, known.expires, "expires");
}

function earlier(served: number | null, known: number, what: string): string | null {
  if (served === null) return `it does not say when it ${what}, but the kept copy does`;
  if (served >= known) return null;
  return `it ${what} ${timeOf(served)}, the kept copy ${timeOf(known)}`;
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

function dateOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

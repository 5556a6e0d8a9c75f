/** Protection against rollback: a catalog older than the kept copy is not used. Pure. */
import type { ParsedCatalog } from "./parse.ts";

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

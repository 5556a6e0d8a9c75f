/** Catalogs and bundles over the network: for the daemon and for `banger doctor`. */
import type { RecipeDeps } from "../artifacts/deps.ts";
import { readDocument } from "../artifacts/web/document.ts";
import { type WebDeps, WebError } from "../artifacts/web/get.ts";
import { fail } from "../base/errors/error.ts";
import { createHttp, createZoneOf, systemCertificates } from "../host/net/http-fetch.ts";

/** timeout for one catalog, and the same for its signature, in `ms` */
export const catalogTimeoutMs = 15_000;

export function webOf(env: Record<string, string | undefined>): WebDeps {
  return { http: createHttp(systemCertificates(env)), zoneOf: createZoneOf(), now: () => Date.now() };
}

/** timeout for one file that a recipe downloads, in `ms` */
const recipeTimeoutMs = 300_000;

/** How recipes download files. */
export function fetchBytesOf(env: Record<string, string | undefined>): RecipeDeps["fetchBytes"] {
  const web = webOf(env);
  return async (url, maxBytes, signal) => {
    try {
      return await readDocument(web, url, { maxBytes, timeoutMs: recipeTimeoutMs }, signal);
    } catch (error) {
      if (!(error instanceof WebError)) throw error;
      throw fail("DOWNLOAD_FAILED", { what: "a file", url, problem: error.problem }, error);
    }
  };
}

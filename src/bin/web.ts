/** Catalogs and bundles over the real net: by the daemon, and by `banger doctor`. */
import type { RecipeDeps } from "../artifacts/deps.ts";
import { readDocument } from "../artifacts/web/document.ts";
import { type WebDeps, WebError } from "../artifacts/web/get.ts";
import { fail } from "../base/errors/error.ts";
import { createHttp, createZoneOf, systemCertificates } from "../host/net/http-fetch.ts";

/** for one catalog, and as much for its signature, in `ms` */
export const catalogTimeoutMs = 15_000;

export function webOf(env: Record<string, string | undefined>): WebDeps {
  return { http: createHttp(systemCertificates(env)), zoneOf: createZoneOf(), now: () => Date.now() };
}

/** for one file that a recipe fetches, in `ms` */
const recipeTimeoutMs = 300_000;

/** What recipes fetch files with. */
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

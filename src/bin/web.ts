/** Catalogs and bundles over the real net: by the daemon, and by `banger doctor`. */
import type { WebDeps } from "../artifacts/web/get.ts";
import { createHttp, systemCertificates } from "../host/http-fetch.ts";

/** for one catalog, and as much for its signature, in `ms` */
export const catalogTimeoutMs = 15_000;

export function webOf(env: Record<string, string | undefined>): WebDeps {
  return { http: createHttp(systemCertificates(env)), now: () => Date.now() };
}

/** A bundle on a loopback server that a test can tamper with, for images and kernels. */
import { readFileSync } from "node:fs";
import { createHttp, createZoneOf, type Http } from "../../../host/net/http-fetch.ts";
import { type Answer, send, type TestServer, testServer } from "../../../images/registry/testing/server.ts";
import type { CatalogEntry } from "../../../model/catalog.ts";
import type { Paths } from "../../../model/paths.ts";
import { Downloads } from "../../download.ts";
import type { FetchDeps } from "../fetch.ts";
import type { MadeBundle } from "../make.ts";

export type Site = { server: TestServer; entry: CatalogEntry & { from: { bundle: CatalogBundle } } };
type CatalogBundle = { url: string; digest: MadeBundle["digest"]; size: number };

/** @param change called first for each request; its result is what is served */
export async function siteOf(
  kind: "image" | "kernel",
  folder: string,
  made: MadeBundle,
  change: (path: string, bytes: Uint8Array) => Uint8Array | Answer = (_, bytes) => bytes,
): Promise<Site> {
  const server = await testServer((request, response) => {
    const name = request.url.slice(request.url.lastIndexOf("/") + 1);
    const changed = change(name, readFileSync(`${folder}/${name}`));
    if (typeof changed === "function") return changed(request, response);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = { "content-range": `bytes ${from}-${changed.length - 1}/${changed.length}` };
    send(response, from > 0 ? 206 : 200, changed.subarray(from), from > 0 ? range : {});
  });
  const entry = {
    ...{ kind, name: "tool" as never, description: "", catalog: `${server.url}/catalog.toml`, kernel: null },
    from: { bundle: { url: `${server.url}/tool/`, ...made } },
  };
  return { server, entry };
}

/** Timeouts are 800 ms; retries don't pause. */
export function fetchDeps(paths: Paths): Pick<FetchDeps, "web" | "downloads"> {
  const plain = createHttp(undefined);
  const http: Http = (request) => plain({ ...request, headTimeoutMs: 800, stallTimeoutMs: 800 });
  return {
    web: { http, zoneOf: createZoneOf(), now: () => 0 },
    downloads: new Downloads({ paths, pause: async () => {} }),
  };
}

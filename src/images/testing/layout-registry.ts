/** An OCI layout as a registry on loopback that only pulls, and that a test can make stall or fail. */
import { existsSync, readFileSync } from "node:fs";
import { type Answer, send, type TestServer, testServer } from "../registry/testing/server.ts";

export type LayoutRegistry = TestServer & {
  /** called first, with the digest of a blob; its answer, if any, is sent instead */
  onBlob: ((digest: string, bytes: Uint8Array) => Answer | null) | null;
};

/** Serves the layout's one image under any repository and tag. */
export async function serveLayout(folder: string): Promise<LayoutRegistry> {
  const blob = (digest: string) => readFileSync(`${folder}/blobs/${digest.replace(":", "/")}`);
  const server = (await testServer((request, response) => {
    const [, kind, name = ""] = /^\/v2\/.+\/(manifests|blobs)\/([^/]+)$/.exec(request.url) ?? [];
    const [top] = JSON.parse(readFileSync(`${folder}/index.json`, "utf8")).manifests;
    if (kind === "manifests") {
      const digest = name.startsWith("sha256:") ? name : top.digest;
      return send(response, 200, blob(digest), { "content-type": top.mediaType });
    }
    if (kind !== "blobs" || !existsSync(`${folder}/blobs/${name.replace(":", "/")}`)) return send(response, 404, "{}");
    const bytes = blob(name);
    const own = server.onBlob?.(name, bytes);
    if (own) return own(request, response);
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    send(response, from > 0 ? 206 : 200, bytes.subarray(from), from > 0 ? range : {});
  })) as LayoutRegistry;
  server.onBlob = null;
  return server;
}

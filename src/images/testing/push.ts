/** Pushes an OCI layout into a registry (OCI distribution specification 1.1, "Pushing"), as it is, for tests. */
import { readdirSync, readFileSync } from "node:fs";

export type PushTarget = {
  /** `http://127.0.0.1:5000` */ url: string;
  repository: string;
  tag: string;
  headers?: Record<string, string>;
  ca?: string;
};

export async function pushLayout(
  folder: string,
  { url, repository, tag, headers = {}, ca }: PushTarget,
): Promise<string> {
  const send = async (method: string, path: string, body?: Uint8Array, more: Record<string, string> = {}) => {
    const tls = ca === undefined ? {} : { tls: { ca } };
    const target = path.startsWith("http") ? path : `${url}${path}`;
    const answer = await fetch(target, { method, headers: { ...headers, ...more }, ...(body ? { body } : {}), ...tls });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  const index = JSON.parse(readFileSync(`${folder}/index.json`, "utf8"));
  const top = index.manifests[0];
  const documents = new Map<string, { bytes: Uint8Array; mediaType: string }>();
  for (const hex of readdirSync(`${folder}/blobs/sha256`)) {
    const bytes = new Uint8Array(readFileSync(`${folder}/blobs/sha256/${hex}`));
    const mediaType = mediaTypeOf(bytes);
    if (mediaType !== null) documents.set(`sha256:${hex}`, { bytes, mediaType });
    const begun = await send("POST", `/v2/${repository}/blobs/uploads/`, new Uint8Array());
    const place = new URL(begun.headers.get("location") ?? "", url);
    place.searchParams.set("digest", `sha256:${hex}`);
    await send("PUT", place.href, bytes, { "content-type": "application/octet-stream" });
  }
  for (const [digest, { bytes, mediaType }] of documents) {
    // an index before what it names would be refused
    if (digest !== top.digest)
      await send("PUT", `/v2/${repository}/manifests/${digest}`, bytes, { "content-type": mediaType });
  }
  await send("PUT", `/v2/${repository}/manifests/${tag}`, documents.get(top.digest)?.bytes, {
    "content-type": top.mediaType,
  });
  return top.digest;
}

function mediaTypeOf(bytes: Uint8Array): string | null {
  if (bytes[0] !== 0x7b) return null;
  const { mediaType } = JSON.parse(Buffer.from(bytes).toString("utf8")) as { mediaType?: string };
  return mediaType ?? null;
}

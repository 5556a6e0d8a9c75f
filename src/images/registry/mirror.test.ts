/** Mirrors that fail midway or send wrong data: the registry itself is asked in the end. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Downloads } from "../../artifacts/download.ts";
import type { Digest } from "../../base/names.ts";
import { parseReference } from "../../base/reference.ts";
import { createHttp, createZoneOf, type Http } from "../../host/net/http-fetch.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { pathsOf } from "../../model/paths.ts";
import { openRegistry } from "./client.ts";
import { type Answer, send, testServer } from "./testing/server.ts";

const never = new AbortController().signal;
const content = new Uint8Array(100_000).fill(7);
const digest = `sha256:${createHash("sha256").update(content).digest("hex")}` as Digest;

/** Stalls of the mirror count after 100 ms; the registry has the time that it needs on a busy host. */
function open(mirror: string, host: string) {
  const plain = createHttp(undefined);
  const http: Http = (request) =>
    plain(request.url.startsWith(mirror) ? { ...request, headTimeoutMs: 100, stallTimeoutMs: 100 } : request);
  const deps = { http, zoneOf: createZoneOf(), pause: async () => {}, now: () => 0 };
  const reference = parseReference(`${host}/team/tool:v1`);
  return openRegistry(deps, reference, { credential: null, insecure: false, mirrors: [mirror] });
}

const failing: [name: string, answer: Answer][] = [
  ["has none", (_, r) => send(r, 404, "")],
  ["is silent", () => {}],
  ["is silent after its head", (_, r) => void r.writeHead(200, { "content-length": "100000" }).flushHeaders()],
  ["is silent in the middle", (_, r) => void r.writeHead(200, { "content-length": "100000" }).write("a")],
  ["has other bytes", (_, r) => send(r, 200, new Uint8Array(100_000))],
  ["has too many bytes", (_, r) => send(r, 200, new Uint8Array(100_001))],
  ["has too few bytes", (_, r) => send(r, 200, new Uint8Array(1000))],
];

for (const [name, answer] of failing) {
  test(`a blob comes from the registry when the mirror ${name}`, async () => {
    using temp = tempFolder();
    await using mirror = await testServer(answer);
    await using server = await testServer((_, response) => send(response, 200, content));
    const registry = open(mirror.url, server.host);
    const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
    const wanted = { digest, size: content.length, limit: content.length, from: "r.example/tool", what: "tool" };
    const downloads = new Downloads({ paths, pause: async () => {} });
    const path = await downloads.blob(wanted, registry.blob(digest), () => {}, never);
    expect(await Bun.file(path).bytes()).toEqual(content);
    expect(mirror.asked.length).toBeLessThanOrEqual(2);
  });
}

test("a mirror that does not answer is asked once for a whole pull", async () => {
  await using mirror = await testServer(() => {});
  await using server = await testServer((_, response) => send(response, 200, "{}", { "content-type": "x/y" }));
  const registry = open(mirror.url, server.host);
  for (const tag of ["a", "b", "c"]) await registry.manifest({ tag }, never);
  expect([mirror.asked.length, server.asked.length]).toEqual([1, 3]);
});

/** The client against registries that misbehave in every way that we know of. */
import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { Downloads } from "../../artifacts/download.ts";
import { BangerError } from "../../base/errors/error.ts";
import type { Digest } from "../../base/names.ts";
import { parseReference } from "../../base/reference.ts";
import { createHttp, createZoneOf, type Http } from "../../host/net/http-fetch.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import type { Credential } from "../../model/credential.ts";
import { pathsOf } from "../../model/paths.ts";
import { openRegistry } from "./client.ts";
import { type Answer, send, type TestServer, testServer } from "./testing/server.ts";

const never = new AbortController().signal;
const manifest = '{"schemaVersion":2}';
const digestOf = (text: string | Uint8Array) => `sha256:${createHash("sha256").update(text).digest("hex")}` as Digest;
const type = { "content-type": "application/vnd.oci.image.manifest.v1+json" };

type Options = {
  credential?: Credential;
  insecure?: boolean;
  mirrors?: string[];
  pauses?: number[];
  warned?: string[];
};

/** Stalls count as failures after 200 ms; pauses are recorded and end at once. */
function registryAt(
  host: string,
  { credential, insecure = false, mirrors = [], pauses = [], warned = [] }: Options = {},
) {
  const plain = createHttp(undefined);
  const http: Http = (request) => plain({ ...request, headTimeoutMs: 200, stallTimeoutMs: 200 });
  const pause = async (ms: number) => void pauses.push(ms);
  const deps = { http, zoneOf: createZoneOf(), pause, now: () => Date.parse("2026-01-01T00:00:00Z") };
  const options = { credential: credential ?? null, insecure, mirrors, warn: (text: string) => void warned.push(text) };
  return { registry: openRegistry(deps, parseReference(`${host}/team/tool:v1`), options), pause };
}

async function failure(work: Promise<unknown>): Promise<BangerError> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BangerError);
  return error as BangerError;
}

test("a manifest is requested by tag, and its digest is checked", async () => {
  await using server = await testServer((_, response) => send(response, 200, manifest, type));
  const { registry } = registryAt(server.host);
  const received = await registry.manifest({ tag: "v1" }, never);
  expect([received.digest, received.mediaType]).toEqual([digestOf(manifest), type["content-type"]]);
  expect(server.asked[0]).toMatchObject({ method: "GET", url: "/v2/team/tool/manifests/v1" });
  expect(server.asked[0]?.headers.accept).toContain("vnd.docker.distribution.manifest.v2+json");
  const other = await failure(registry.manifest({ digest: digestOf("other") }, never));
  expect(other.code).toBe("REGISTRY_ANSWER");
});

test("a registry's warning is shown once", async () => {
  const header = { ...type, warning: '299 - "this image is no longer kept"' };
  await using server = await testServer((_, response) => send(response, 200, manifest, header));
  const warned: string[] = [];
  const { registry } = registryAt(server.host, { warned });
  for (let i = 0; i < 2; i++) await registry.manifest({ tag: "v1" }, never);
  expect(warned).toEqual([`${server.host} warns: this image is no longer kept`]);
});

const refusals: [name: string, answer: Answer, code: string, words: RegExp][] = [
  ["404", (_, r) => send(r, 404, "{}"), "REGISTRY_NOT_FOUND", /team\/tool:v1/],
  ["403", (_, r) => send(r, 403, "{}"), "REGISTRY_AUTH", /docker login|403/],
  ["401 without a challenge", (_, r) => send(r, 401, "{}"), "REGISTRY_AUTH", /no supported authentication scheme/],
  ["a teapot", (_, r) => send(r, 418, "{}"), "REGISTRY_ANSWER", /418/],
  [
    "a web page",
    (_, r) => send(r, 200, "<html>", { "content-type": "text/html; charset=utf-8" }),
    "REGISTRY_ANSWER",
    /web page/,
  ],
  [
    "a wrong digest",
    (_, r) => send(r, 200, manifest, { ...type, "docker-content-digest": digestOf("x") }),
    "REGISTRY_ANSWER",
    /another digest/,
  ],
  ["5 MiB of manifest", (_, r) => send(r, 200, new Uint8Array(5 * 1024 * 1024), type), "REGISTRY_ANSWER", /more than/],
  ["always 500", (_, r) => send(r, 500, "{}"), "REGISTRY_UNREACHABLE", /status 500/],
  ["always 429", (_, r) => send(r, 429, "{}"), "REGISTRY_LIMITED", /too many/],
  ["no answer", () => {}, "REGISTRY_UNREACHABLE", /does not answer/],
  [
    "a body that stalls",
    (_, r) => void r.writeHead(200, { ...type, "content-length": "19" }).write("{"),
    "REGISTRY_UNREACHABLE",
    /does not answer/,
  ],
  ["a redirect to nothing", (_, r) => send(r, 302, "", { location: "ftp://x/" }), "REGISTRY_ANSWER", /redirects to/],
  ["a redirect loop", (q, r) => send(r, 307, "", { location: q.url }), "REGISTRY_ANSWER", /redirects too many times/],
];

for (const [name, answer, code, words] of refusals) {
  test(`${name} is ${code}`, async () => {
    await using server = await testServer(answer);
    const error = await failure(registryAt(server.host).registry.manifest({ tag: "v1" }, never));
    expect(error.code).toBe(code);
    expect(`${error.message} ${error.hint}`).toMatch(words);
  });
}

test("a refused connection is reported as such", async () => {
  const error = await failure(registryAt("127.0.0.1:1").registry.manifest({ tag: "v1" }, never));
  expect([error.code, error.message]).toEqual([
    "REGISTRY_UNREACHABLE",
    expect.stringContaining("connection was refused"),
  ]);
});

test("a temporary failure is retried when the registry says, otherwise after growing pauses", async () => {
  let count = 0;
  const answers: Answer[] = [
    (_, r) => send(r, 429, "", { "retry-after": "7" }),
    (_, r) => send(r, 503, "", { "retry-after": "Thu, 01 Jan 2026 00:00:20 GMT" }),
    (_, r) => send(r, 500, "", { "retry-after": "86400" }),
    (_, r) => send(r, 502, ""),
    (_, r) => send(r, 200, manifest, type),
  ];
  await using server = await testServer((q, r) => answers[count++]?.(q, r));
  const pauses: number[] = [];
  await registryAt(server.host, { pauses }).registry.manifest({ tag: "v1" }, never);
  expect(pauses.slice(0, 3)).toEqual([7000, 20_000, 60_000]);
  expect(pauses[3]).toBeGreaterThan(2000);
});

/** Requires a token, which it issues at another path. */
function tokenServer(server: { url: string }, { life = 300 } = {}): Answer {
  return (asked, response) => {
    if (asked.url.startsWith("/token")) return send(response, 200, JSON.stringify({ token: "T1", expires_in: life }));
    if (asked.headers.authorization === "Bearer T1") return send(response, 200, manifest, type);
    const challenge = `Bearer realm="${server.url}/token",service="reg",scope="repository:team/tool:pull"`;
    send(response, 401, "{}", { "www-authenticate": challenge });
  };
}

test("a bearer token is fetched with the password, used and kept", async () => {
  await using server = await testServer(() => {});
  server.answer = tokenServer(server);
  const { registry } = registryAt(server.host, { credential: { username: "me", password: "secret" } });
  await registry.manifest({ tag: "v1" }, never);
  await registry.manifest({ tag: "v2" }, never);
  const [, token, , again] = server.asked;
  expect(token?.url).toBe("/token?service=reg&scope=repository%3Ateam%2Ftool%3Apull");
  expect(token?.headers.authorization).toBe(`Basic ${Buffer.from("me:secret").toString("base64")}`);
  expect(again?.headers.authorization).toBe("Bearer T1");
  expect(server.asked).toHaveLength(4);
});

test("an identity token is exchanged by POST; an anonymous client sends no credentials", async () => {
  await using server = await testServer(() => {});
  server.answer = tokenServer(server);
  await registryAt(server.host, { credential: { identityToken: "I" } }).registry.manifest({ tag: "v1" }, never);
  expect(server.asked[1]).toMatchObject({ method: "POST", url: "/token" });
  expect(server.asked[1]?.body).toContain("grant_type=refresh_token");
  expect(server.asked[1]?.body).toContain("refresh_token=I");
  server.asked.length = 0;
  await registryAt(server.host).registry.manifest({ tag: "v1" }, never);
  expect(server.asked[1]?.headers.authorization).toBeUndefined();
});

test("an expired token is fetched again; a refused one does not cause a loop", async () => {
  await using server = await testServer(() => {});
  server.answer = tokenServer(server, { life: 1 });
  const { registry } = registryAt(server.host);
  await registry.manifest({ tag: "v1" }, never);
  await registry.manifest({ tag: "v1" }, never);
  expect(server.asked.filter(({ url }) => url.startsWith("/token"))).toHaveLength(2);
  server.answer = (asked, response) =>
    asked.url.startsWith("/token")
      ? send(response, 200, '{"token":"no good"}'.replace(" ", "-"))
      : send(response, 401, "", { "www-authenticate": `Bearer realm="${server.url}/token"` });
  server.asked.length = 0;
  expect((await failure(registryAt(server.host).registry.manifest({ tag: "v1" }, never))).code).toBe("REGISTRY_AUTH");
  expect(server.asked.length).toBeLessThan(5);
});

test("basic authorisation, right and wrong; no message contains the password", async () => {
  await using server = await testServer((asked, response) => {
    const good = asked.headers.authorization === `Basic ${Buffer.from("me:secret").toString("base64")}`;
    if (good) send(response, 200, manifest, type);
    else send(response, 401, "", { "www-authenticate": 'Basic realm="r"' });
  });
  await registryAt(server.host, { credential: { username: "me", password: "secret" } }).registry.manifest(
    { tag: "v1" },
    never,
  );
  const wrong = { username: "me", password: "hunter2" };
  const error = await failure(registryAt(server.host, { credential: wrong }).registry.manifest({ tag: "v1" }, never));
  expect(error.code).toBe("REGISTRY_AUTH");
  expect(JSON.stringify(error.toWire())).not.toContain("hunter2");
});

test("neither token nor password follows a redirect to another host", async () => {
  await using other = await testServer((_, response) => send(response, 200, "blob"));
  await using server = await testServer((asked, response) => {
    if (asked.headers.authorization === undefined) send(response, 401, "", { "www-authenticate": 'Basic realm="r"' });
    else send(response, 307, "", { location: `http://localhost:${other.host.split(":")[1]}/blob?signature=x` });
  });
  const { registry } = registryAt(server.host, { credential: { username: "me", password: "secret" } });
  const part = await registry.blob(digestOf("blob"))(0, never);
  const chunks: Uint8Array[] = [];
  for await (const chunk of part.body) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe("blob");
  expect(other.asked[0]?.headers.authorization).toBeUndefined();
  expect(server.asked.at(-1)?.headers.authorization).toStartWith("Basic ");
});

test("a mirror is asked first and without credentials; when it fails the registry is asked", async () => {
  await using mirror = await testServer((_, response) => send(response, 200, manifest, type));
  await using server = await testServer((_, response) => send(response, 200, manifest, type));
  const options = { mirrors: [mirror.url], credential: { username: "me", password: "secret" } };
  const { registry } = registryAt(server.host, options);
  await registry.manifest({ tag: "v1" }, never);
  expect([mirror.asked.length, server.asked.length]).toEqual([1, 0]);
  mirror.answer = (_, response) => send(response, 500, "");
  await registry.manifest({ tag: "v1" }, never);
  expect(server.asked).toHaveLength(1);
});

// --- blobs ---------------------------------------------------------------------------------------------------------

const content = new Uint8Array(300_000).map((_, at) => (at * 7) % 251);

function download(server: TestServer, changes: { size?: number; digest?: Digest } = {}) {
  const temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
  const { registry, pause } = registryAt(server.host);
  const downloads = new Downloads({ paths, pause });
  const digest = changes.digest ?? digestOf(content);
  const wanted = {
    digest,
    size: changes.size ?? content.length,
    limit: content.length,
    from: "r.example/tool",
    what: "tool",
  };
  const get = (signal = never) => downloads.blob(wanted, registry.blob(digest), () => {}, signal);
  return { temp, paths, digest, get };
}

/** Serves ranges correctly. */
const serve: Answer = (asked, response) => {
  const from = Number(/^bytes=(\d+)-$/.exec(asked.headers.range ?? "")?.[1] ?? 0);
  if (from === 0) return send(response, 200, content);
  const range = `bytes ${from}-${content.length - 1}/${content.length}`;
  send(response, 206, content.subarray(from), { "content-range": range });
};

/** Breaks the connection after `bytes`, once they had time to arrive: what the client has not read by then is lost. */
const breaksAfter =
  (bytes: number): Answer =>
  (asked, response) => {
    const from = Number(/^bytes=(\d+)-$/.exec(asked.headers.range ?? "")?.[1] ?? 0);
    const head = {
      "content-length": String(content.length - from),
      "content-range": `bytes ${from}-${content.length - 1}/${content.length}`,
    };
    response.writeHead(from === 0 ? 200 : 206, head);
    response.write(content.subarray(from, from + bytes), () => setTimeout(() => response.destroy(), 20));
  };

async function isWhole(path: string): Promise<void> {
  expect(Buffer.compare(Buffer.from(await Bun.file(path).arrayBuffer()), content)).toBe(0);
}

test("a broken download resumes where it broke, more often than consecutive failures are tolerated", async () => {
  await using server = await testServer(breaksAfter(40_000));
  const { temp, get } = download(server);
  using _ = temp;
  await isWhole(await get());
  expect(server.asked.length).toBeGreaterThan(5);
});

test("what an earlier try left is used; with a server without ranges the download starts again", async () => {
  await using server = await testServer(serve);
  const { temp, paths, digest, get } = download(server);
  using _ = temp;
  await Bun.write(paths.blobPart(digest), content.subarray(0, 100_000));
  await isWhole(await get());
  expect(server.asked[0]?.headers.range).toBe("bytes=100000-");
  server.answer = (_q, response) => send(response, 200, content);
  const second = download(server);
  using _second = second.temp;
  await Bun.write(second.paths.blobPart(digest), content.subarray(0, 100_000));
  await isWhole(await second.get());
});

test("two simultaneous downloads send one request; cancelling one does not end the other", async () => {
  await using server = await testServer(serve);
  const { temp, get } = download(server);
  using _ = temp;
  const stop = new AbortController();
  const [first, second] = [get(), get(stop.signal)];
  stop.abort(new Error("given up"));
  await expect(second).rejects.toThrow("given up");
  await isWhole(await first);
  expect(server.asked).toHaveLength(1);
});

const damaged: [name: string, answer: Answer, words: RegExp][] = [
  [
    "other bytes",
    (_, r) =>
      send(
        r,
        200,
        content.map((byte) => byte ^ 1),
      ),
    /digest/,
  ],
  ["too many bytes", (_, r) => send(r, 200, new Uint8Array(400_000)), /longer|400000 bytes/],
  ["too many bytes, unannounced", (_, r) => void r.writeHead(200).end(new Uint8Array(400_000)), /longer|instead of/],
  ["too few bytes", (_, r) => send(r, 200, content.subarray(0, 1000)), /1000 (of|bytes)/],
];

for (const [name, answer, words] of damaged) {
  test(`a blob of ${name} is refused and nothing is kept`, async () => {
    await using server = await testServer(answer);
    const { temp, paths, digest, get } = download(server);
    using _ = temp;
    const error = await failure(get());
    expect(error.code).toBe("DOWNLOAD_DAMAGED");
    expect(error.message).toMatch(words);
    expect(await Bun.file(paths.blob(digest)).exists()).toBe(false);
  });
}

test("a part from another offset than requested is refused", async () => {
  await using server = await testServer((_, response) =>
    send(response, 206, content.subarray(5), { "content-range": `bytes 5-${content.length - 1}/${content.length}` }),
  );
  const { temp, get } = download(server);
  using _ = temp;
  expect((await failure(get())).message).toContain("another offset");
});

/** Files by URL from servers that misbehave, and from the file system. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { createHttp, createZoneOf, type Http } from "../../host/net/http-fetch.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { type Answer, send, testServer } from "../../images/registry/testing/server.ts";
import { readDocument } from "./document.ts";
import { openWeb, WebError } from "./get.ts";

const never = new AbortController().signal;
const plain = createHttp(undefined);
/** silence counts as a failure after 800 ms */
const http: Http = (request) => plain({ ...request, headTimeoutMs: 800, stallTimeoutMs: 800 });
const deps = { http, zoneOf: createZoneOf(), now: () => 0 };
const limits = { maxBytes: 1000, timeoutMs: 2000 };

async function problem(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WebError);
  return (error as WebError).problem;
}

test("a document is requested without compression and read as it is", async () => {
  await using server = await testServer((_, response) => send(response, 200, "hello", { "content-encoding": "gzip" }));
  const bytes = await readDocument(deps, `${server.url}/a`, limits, never);
  expect(Buffer.from(bytes).toString()).toBe("hello");
  expect(server.asked[0]?.headers).toMatchObject({ "accept-encoding": "identity", "user-agent": "banger" });
});

const bad: [string, Answer, RegExp][] = [
  ["is not there", (_, response) => send(response, 404, "no"), /does not exist \(status 404\)/],
  ["is forbidden", (_, response) => send(response, 403, "no"), /access is denied/],
  ["fails", (_, response) => send(response, 500, "no"), /status 500/],
  ["has no content", (_, response) => send(response, 204, ""), /status 204/],
  ["announces that it is too long", (_, response) => send(response, 200, "x".repeat(1001)), /more than 1000 B/],
  [
    "is too long without announcing it",
    (_, response) => {
      response.writeHead(200);
      for (let i = 0; i < 50; i++) response.write("x".repeat(100));
      response.end();
    },
    /more than 1000 B/,
  ],
  [
    "is cut short",
    (_, response) => {
      response.writeHead(200, { "content-length": "500" });
      response.write("x");
      setImmediate(() => response.destroy());
    },
    /broke/,
  ],
  ["never answers", () => {}, /does not answer/],
  [
    "stalls",
    (_, response) => {
      response.writeHead(200, { "content-length": "500" });
      response.write("x");
    },
    /does not answer/,
  ],
  ["redirects in a loop", (_, response) => send(response, 302, "", { location: "/again" }), /redirects too many times/],
  ["redirects to plain http", (_, response) => send(response, 302, "", { location: "http://example.com/" }), /unsafe/],
  ["redirects to a file", (_, response) => send(response, 302, "", { location: "file:///etc/passwd" }), /unsafe/],
  ["redirects to no location", (_, response) => send(response, 302, ""), /unsafe|redirects too many times/],
];
for (const [what, answer, words] of bad) {
  test(`a document that ${what} is reported`, async () => {
    await using server = await testServer(answer);
    expect(await problem(readDocument(deps, `${server.url}/a`, limits, never))).toMatch(words);
  });
}

test("a document that trickles in is given up at its timeout", async () => {
  const timers: ReturnType<typeof setInterval>[] = [];
  await using server = await testServer((_, response) => {
    response.writeHead(200);
    timers.push(setInterval(() => response.write("x"), 20));
  });
  const reading = readDocument(deps, `${server.url}/a`, { ...limits, timeoutMs: 400 }, never);
  expect(await problem(reading)).toMatch(/longer than 0\.4 s/);
  for (const timer of timers) clearInterval(timer);
});

test("an abort by the caller is not a problem with the file", async () => {
  await using server = await testServer(() => {});
  const stop = new AbortController();
  const reading = readDocument(deps, `${server.url}/a`, limits, stop.signal);
  stop.abort(new Error("enough"));
  await expect(reading).rejects.toThrow("enough");
});

test("redirects are followed, ranges requested, and the received range is reported", async () => {
  await using server = await testServer((request, response) => {
    if (request.url === "/a") return send(response, 307, "", { location: "b" });
    send(response, 206, "lo", { "content-range": "bytes 3-4/5" });
  });
  const part = await openWeb(deps, { url: `${server.url}/a`, namedBy: null }, 3, never);
  expect([part.from, part.total, server.asked.at(-1)?.headers.range]).toEqual([3, 5, "bytes=3-"]);
  part.close();
});

test("a part without a content-range, and one beyond the end", async () => {
  await using server = await testServer((_, response) => send(response, 206, "lo"));
  expect(await problem(openWeb(deps, { url: `${server.url}/a`, namedBy: null }, 3, never))).toMatch(/content-range/);
  server.answer = (request, response) =>
    request.headers.range ? send(response, 416, "") : send(response, 200, "hello", { "content-length": "5" });
  const part = await openWeb(deps, { url: `${server.url}/a`, namedBy: null }, 9, never);
  expect([part.from, part.total]).toEqual([0, 5]);
  part.close();
});

test("files: a regular one, from any offset; nothing else", async () => {
  using temp = tempFolder();
  writeFileSync(`${temp.path}/a b`, "hello");
  mkdirSync(`${temp.path}/folder`);
  const url = new URL(`file://${temp.path}/a b`).href;
  expect(Buffer.from(await readDocument(deps, url, limits, never)).toString()).toBe("hello");
  const part = await openWeb(deps, { url: url, namedBy: null }, 3, never);
  const chunks: Uint8Array[] = [];
  for await (const chunk of part.body) chunks.push(chunk);
  expect([part.from, part.total, Buffer.concat(chunks).toString()]).toEqual([3, 5, "lo"]);
  for (const name of ["none", "folder", "a%2Fb"]) {
    expect(await problem(openWeb(deps, { url: `file://${temp.path}/${name}`, namedBy: null }, 0, never))).toMatch(
      /no such file/,
    );
  }
  expect(await problem(openWeb(deps, { url: "file:///dev/zero", namedBy: null }, 0, never))).toMatch(/no such file/);
});

test("URLs in a document may lead only to public addresses and those of its own zone, and so may their redirects", async () => {
  const asked: [url: string, zones: readonly string[] | undefined][] = [];
  const away: Http = async ({ url, zones }) => {
    asked.push([url, zones]);
    const location = url.endsWith("/a") ? "https://other.example/b" : null;
    return { status: location ? 302 : 404, header: () => location, body: (async function* () {})(), close() {} };
  };
  const zoneOf = async (url: string) => (url.includes("inner") ? ("private" as const) : ("public" as const));
  const open = async (url: string, namedBy: string | null) => {
    asked.length = 0;
    await problem(openWeb({ http: away, zoneOf, now: () => 0 }, { url, namedBy }, 0, never));
    return asked.map(([, zones]) => zones);
  };
  expect(await open("https://s.example/a", null)).toEqual([undefined, ["public", "public"]]);
  expect(await open("https://inner.example/a", null)).toEqual([["private"], ["public", "private"]]);
  expect(await open("https://inner.example/a", "https://s.example/c")).toEqual([
    ["public", "public"],
    ["public", "public"],
  ]);
  expect(await open("https://inner.example/a", "https://inner.example/c")).toEqual([
    ["public", "private"],
    ["public", "private"],
  ]);
  expect(await open("https://inner.example/a", "file:///srv/c")).toEqual([["private"], ["public", "private"]]);
});

test("a URL that is refused for its address is not tried again", async () => {
  await using server = await testServer((_, response) => send(response, 200, "hello"));
  const place = { url: server.url, namedBy: "https://s.example/catalog.toml" };
  const inPublic = { ...deps, zoneOf: async () => "public" as const };
  const refused = openWeb(inPublic, place, 0, never);
  await expect(refused).rejects.toMatchObject({ problem: expect.stringContaining("this machine"), again: null });
  expect(server.asked).toEqual([]);
});

/** Catalogs that are forged, hang, have expired or were changed in transit: none is used, and each error gives the reason. */
import { afterEach, expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { createHttp, createZoneOf, type Http } from "../../host/net/http-fetch.ts";
import { tempFolder } from "../../host/testing/temp.ts";
import { type Answer, send, type TestServer, testServer } from "../../images/registry/testing/server.ts";
import { pathsOf } from "../../model/paths.ts";
import { Catalogs } from "./catalogs.ts";
import { loadCatalog } from "./load.ts";
import { newSigner } from "./testing/signed.ts";

const never = new AbortController().signal;
const signer = newSigner();
const plain = createHttp(undefined);
const http: Http = (request) => plain({ ...request, headTimeoutMs: 800, stallTimeoutMs: 800 });

const entry = (name: string) =>
  `[[image]]\nname = "${name}"\nurl = "${name}"\nsha256 = "${"1".repeat(64)}"\nsize = 7\n`;
const catalog = (name = "tool", top = "") => `format = 1\n${top}\n${entry(name)}`;

let server: TestServer | null = null;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = null;
});

async function world(answer: Answer, key = signer.publicPem) {
  const temp = tempFolder();
  const paths = pathsOf({ state: temp.path, cache: temp.path, config: temp.path, runtime: temp.path });
  server = await testServer(answer);
  const source = { url: `${server.url}/catalog.toml`, key: `${temp.path}/cosign.pub` };
  writeFileSync(source.key, key);
  const deps = {
    web: { http, zoneOf: createZoneOf(), now: () => Date.parse("2026-01-01T00:00:00Z") },
    paths,
    timeoutMs: 5000,
  };
  const load = () => loadCatalog(deps, source, never);
  return { temp, paths, deps, source, load };
}

function serving(content: string, signature = signer.sign(content), headers: Record<string, string> = {}): Answer {
  return ({ url }, response) => send(response, 200, url.endsWith(".sig") ? signature : content, headers);
}

test("a valid catalog is used, and a copy of it kept", async () => {
  const { temp, paths, load } = await world(serving(catalog()));
  using _ = temp;
  expect(await load()).toMatchObject({ entries: [{ name: "tool" }], failure: null, keptSince: null });
  expect(server?.asked.map((one) => one.url)).toEqual(["/catalog.toml", "/catalog.toml.sig"]);
  expect(readdirSync(paths.catalogs)).toHaveLength(1);
});

const html = "<!doctype html><title>Sign in to the hotel's net</title>";
const large = catalog("tool", `# ${"x".repeat(1024 * 1024)}`);
const bad: [string, Answer, string, RegExp][] = [
  [
    "unsigned",
    ({ url }, r) => send(r, url.endsWith(".sig") ? 404 : 200, catalog()),
    "CATALOG_UNTRUSTED",
    /no signature/,
  ],
  ["signed by another", serving(catalog(), newSigner().sign(catalog())), "CATALOG_UNTRUSTED", /made with another key/],
  ["changed", serving(catalog("evil"), signer.sign(catalog())), "CATALOG_UNTRUSTED", /made with another key/],
  ["a web page", serving(html, html, { "content-type": "text/html" }), "CATALOG_UNTRUSTED", /web page/],
  ["not TOML", serving("what?"), "CATALOG_INVALID", /line 1/],
  ["a signed web page", serving(html), "CATALOG_INVALID", /line 1/],
  ["with unknown fields", serving(catalog("tool", "colour = 1")), "CATALOG_INVALID", /colour: unknown key/],
  ["of another format", serving(catalog().replace("= 1", "= 2")), "CATALOG_INVALID", /another version/],
  ["expired", serving(catalog("tool", "expires = 2025-12-31")), "CATALOG_EXPIRED", /2025-12-31/],
  ["too large", serving(large), "CATALOG_INVALID", /more than 1 MiB/],
  ["not there", (_, r) => send(r, 404, ""), "CATALOG_UNREACHABLE", /does not exist/],
  ["on a server that fails", (_, r) => send(r, 503, ""), "CATALOG_UNREACHABLE", /503/],
  [
    "with a signature that is not available",
    ({ url }, r) => send(r, url.endsWith(".sig") ? 503 : 200, catalog()),
    "CATALOG_UNREACHABLE",
    /signature/,
  ],
  ["behind a silent server", () => {}, "CATALOG_UNREACHABLE", /does not answer/],
  [
    "behind a redirect loop",
    (_, r) => send(r, 302, "", { location: "/" }),
    "CATALOG_UNREACHABLE",
    /redirects too many times/,
  ],
  [
    "behind a redirect to plain http",
    (_, r) => send(r, 302, "", { location: "http://example.com/c" }),
    "CATALOG_UNREACHABLE",
    /unsafe/,
  ],
];
for (const [what, answer, code, words] of bad) {
  test(`a catalog that is ${what}: ${code}`, async () => {
    const { temp, paths, load } = await world(answer);
    using _ = temp;
    const { entries, failure, keptSince } = await load();
    expect([entries, keptSince, failure?.code]).toEqual([[], null, code]);
    expect(failure?.message).toMatch(words);
    expect(() => readdirSync(paths.catalogs)).toThrow();
  });
}

test("nothing of a catalog is parsed before its signature is verified", async () => {
  const { temp, load } = await world(serving(`\0${"[".repeat(10_000)}`, newSigner().sign("x")));
  using _ = temp;
  expect((await load()).failure?.code).toBe("CATALOG_UNTRUSTED");
});

test("a key file that is missing, or is not a key", async () => {
  const { temp, source, load } = await world(serving(catalog()), "what?");
  using _ = temp;
  expect((await load()).failure).toMatchObject({ code: "CATALOG_KEY_INVALID", exit: 2 });
  rmSync(source.key);
  expect((await load()).failure?.message).toContain("there is no such file");
  expect(server?.asked).toEqual([]);
});

test("when loading fails, the last valid copy is used, but only as long as it is valid", async () => {
  const { temp, paths, deps, source, load } = await world(serving(catalog("tool", "expires = 2026-06-01")));
  using _ = temp;
  await load();
  if (server) server.answer = (_request, response) => send(response, 500, "");
  const since = Date.parse("2026-01-01T00:00:00Z");
  expect(await load()).toMatchObject({
    entries: [{ name: "tool" }],
    failure: { code: "CATALOG_UNREACHABLE" },
    keptSince: since,
  });
  // an attacker on the network can do no more than keep us on that copy
  if (server) server.answer = serving(catalog("evil"), newSigner().sign(catalog("evil")));
  expect(await load()).toMatchObject({ entries: [{ name: "tool" }], failure: { code: "CATALOG_UNTRUSTED" } });
  const later = { ...deps, web: { ...deps.web, now: () => Date.parse("2026-06-02T00:00:00Z") } };
  expect(await loadCatalog(later, source, never)).toMatchObject({ entries: [], keptSince: null });
  const [file] = readdirSync(paths.catalogs);
  const path = `${paths.catalogs}/${file}`;
  writeFileSync(path, (await Bun.file(path).text()).replace("tool", "evil"));
  expect(await load()).toMatchObject({ entries: [], keptSince: null });
  writeFileSync(path, "");
  expect(await load()).toMatchObject({ entries: [], keptSince: null });
});

test("an older catalog does not replace the kept copy, even when that has expired", async () => {
  const issued = (date: string, more = "") => serving(catalog(`of-${date}`, `issued = ${date}\n${more}`));
  const { temp, paths, deps, source, load } = await world(issued("2025-11-02", "expires = 2026-06-01"));
  using _ = temp;
  await load();
  if (server) server.answer = issued("2025-11-01");
  const refused = await load();
  expect(refused).toMatchObject({
    entries: [{ name: "of-2025-11-02" }],
    failure: { code: "CATALOG_OLDER", message: expect.stringMatching(/issued 2025-11-01.*kept copy 2025-11-02/) },
    keptSince: Date.parse("2026-01-01T00:00:00Z"),
  });
  const later = { ...deps, web: { ...deps.web, now: () => Date.parse("2026-06-02T00:00:00Z") } };
  expect(await loadCatalog(later, source, never)).toMatchObject({ entries: [], failure: { code: "CATALOG_OLDER" } });
  if (server) server.answer = issued("2025-11-03");
  expect(await load()).toMatchObject({ entries: [{ name: "of-2025-11-03" }], failure: null });
  // what the hint suggests for going back
  if (server) server.answer = issued("2025-11-01");
  const { failure } = await load();
  const [file] = readdirSync(paths.catalogs).map((name) => `${paths.catalogs}/${name}`);
  expect(failure?.hint).toContain(`remove ${file}`);
  rmSync(file as string);
  expect(await load()).toMatchObject({ entries: [{ name: "of-2025-11-01" }], failure: null });
});

test("a copy signed with another key does not count as older or newer", async () => {
  const { temp, source, load } = await world(serving(catalog("tool", "issued = 2025-11-02")));
  using _ = temp;
  await load();
  const other = newSigner();
  const older = catalog("older", "issued = 2025-11-01");
  writeFileSync(source.key, other.publicPem);
  if (server) server.answer = serving(older, other.sign(older));
  expect(await load()).toMatchObject({ entries: [{ name: "older" }], failure: null });
});

test("a catalog whose signature has line breaks is kept like any other", async () => {
  const lines = signer.sign(catalog()).replace(/(.{40})/g, "$1\r\n");
  const { temp, load } = await world(serving(catalog(), `${lines}\n`));
  using _ = temp;
  expect(await load()).toMatchObject({ failure: null });
  if (server) server.answer = (_request, response) => send(response, 500, "");
  expect(await load()).toMatchObject({ entries: [{ name: "tool" }], keptSince: expect.any(Number) });
});

test("a new key invalidates what the old one signed", async () => {
  const { temp, source, load } = await world(serving(catalog()));
  using _ = temp;
  await load();
  writeFileSync(source.key, newSigner().publicPem);
  expect(await load()).toMatchObject({ entries: [], failure: { code: "CATALOG_UNTRUSTED" }, keptSince: null });
});

test("a local catalog file is read in place, and no copy is kept", async () => {
  const { temp, paths, deps, source } = await world(serving(catalog()));
  using _ = temp;
  writeFileSync(`${temp.path}/catalog.toml`, catalog());
  const local = { ...source, url: `file://${temp.path}/catalog.toml` };
  expect((await loadCatalog(deps, local, never)).failure?.code).toBe("CATALOG_UNTRUSTED");
  writeFileSync(`${temp.path}/catalog.toml.sig`, signer.sign(catalog()));
  expect(await loadCatalog(deps, local, never)).toMatchObject({
    entries: [{ from: { bundle: { url: `file://${temp.path}/tool/` } } }],
    failure: null,
  });
  expect(() => readdirSync(paths.catalogs)).toThrow();
});

test("an abort by the caller is not a failure of the catalog", async () => {
  const { temp, deps, source } = await world(() => {});
  using _ = temp;
  const stop = new AbortController();
  const loading = loadCatalog(deps, source, stop.signal);
  stop.abort(new Error("enough"));
  await expect(loading).rejects.toThrow("enough");
});

test("the first of several catalogs that lists a name decides, and only failures of those before it are reported", async () => {
  const { temp, deps, source } = await world(({ url }, response) => {
    const name = url.startsWith("/b") ? "shared" : "debian-bookworm";
    if (url.startsWith("/a")) return send(response, 500, "");
    send(response, 200, url.endsWith(".sig") ? signer.sign(catalog(name)) : catalog(name));
  });
  using _ = temp;
  const at = (name: string) => ({ ...source, url: `${server?.url}/${name}` });
  const catalogs = new Catalogs({ ...deps, sources: async () => [at("a"), at("b"), at("c")] });
  expect(catalogs.names("image")).toEqual(["debian-bookworm"]);
  const shared = await catalogs.find("image", "shared", never);
  expect(shared).toMatchObject({
    entry: { catalog: at("b").url },
    failures: [{ error: { code: "CATALOG_UNREACHABLE" } }],
  });
  expect((await catalogs.find("image", "debian-bookworm", never)).entry?.catalog).toBe(at("c").url);
  expect(catalogs.names("image")).toEqual(["shared", "debian-bookworm"]);
  const first = new Catalogs({ ...deps, sources: async () => [at("b"), at("a")] });
  expect((await first.find("image", "shared", never)).failures).toEqual([]);
  // the built-in catalog is always there
  expect(await first.find("image", "debian-bookworm", never)).toMatchObject({
    entry: { from: { recipe: "debian-bookworm" } },
    failures: [{}],
  });
  expect((await first.find("kernel", "shared", never)).entry).toBeNull();
});

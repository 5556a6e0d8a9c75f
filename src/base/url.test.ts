import { expect, test } from "bun:test";
import { besides, followed, isSameOrigin, named, pathOfUrl, sourceProblem } from "./url.ts";
import type { Zone } from "./zone.ts";

/** An address of that length. */
function urlOf(length: number): string {
  return "https://example.com/".padEnd(length, "x");
}

const sources: [string, RegExp | null][] = [
  ["https://example.com/catalog.toml", null],
  ["file:///srv/catalog.toml", null],
  ["http://127.0.0.1:8000/c", null],
  ["http://localhost/c", null],
  ["http://[::1]:80/c", null],
  ["http://example.com/c", /plain http/],
  ["http://127.0.0.1.example.com/c", /plain http/],
  ["https://me:secret@example.com/c", /password/],
  ["https://me@example.com/c", /password/],
  ["https://:secret@example.com/c", /password/],
  ["https://example.com/c?token=1", /query/],
  ["https://example.com/c#x", /query/],
  ["file://host/c", /another host/],
  ["ftp://example.com/c", /neither/],
  ["catalog.toml", /no URL/],
  ["", /no URL/],
  ["file:///srv/c?x", /query/],
  [urlOf(2048), null],
  [urlOf(2049), /no URL/],
];
for (const [url, problem] of sources) {
  test(`${url.slice(0, 50) || "nothing"}: ${problem ? "refused" : "fine"}`, () => {
    const said = sourceProblem(url);
    if (problem === null) expect(said).toBeNull();
    else expect(said).toMatch(problem);
  });
}

test("relative links of a document stay as safe as the document", () => {
  expect(besides("https://h/a/c.toml", "b/")).toBe("https://h/a/b/");
  expect(besides("https://h/a/c.toml", "../../../b/")).toBe("https://h/b/");
  expect(besides("https://h/c", "http://127.0.0.1/x")).toBeNull();
  expect(besides("http://127.0.0.1/c", "file:///x")).toBeNull();
  expect(besides("file:///a/c", "https://h/x")).toBe("https://h/x");
  expect(besides("file:///a/c", "b")).toBe("file:///a/b");
  expect(besides("http://127.0.0.1/c", "b")).toBe("http://127.0.0.1/b");
  expect(besides("https://h/c", "https://")).toBeNull();
});

test("what a document names is a source itself: no password, no query, no other scheme", () => {
  for (const from of ["https://h/a/c.toml", "file:///a/c.toml", "http://127.0.0.1/c.toml"]) {
    for (const named of [
      "https://me@h/x",
      "https://:secret@h/x",
      "https://h/x?token=1",
      "https://h/x#y",
      "ftp://h/x",
      "http://h/x",
      "file://host/x",
      "data:text/plain,x",
    ])
      expect([from, named, besides(from, named)]).toEqual([from, named, null]);
    for (const named of ["b?token=1", "b#x", "?x"]) expect(besides(from, named)).toBeNull();
  }
});

test("a reference of 2048 characters is followed, and so is an address that it leads to; longer ones are not", () => {
  const from = "https://h/c.toml";
  expect(besides(from, urlOf(2048))).toBe(urlOf(2048));
  expect(besides(from, urlOf(2049))).toBeNull();
  const folder = "https://h/";
  expect(besides(from, "x".repeat(2048 - folder.length))).toBe(`${folder}${"x".repeat(2048 - folder.length)}`);
  expect(besides(from, "x".repeat(2049 - folder.length))).toBeNull();
  // dots disappear from the address, but the reference is too long
  expect(besides(from, `${"./".repeat(1023)}bb`)).toBe("https://h/bb");
  expect(besides(from, `${"./".repeat(1023)}bbb`)).toBeNull();
});

test("an origin is scheme, host and port", () => {
  expect(isSameOrigin("https://h/a", "https://h:443/b?c")).toBe(true);
  for (const other of ["http://h/a", "https://h:444/a", "https://i/a"]) {
    expect(isSameOrigin("https://h/a", other)).toBe(false);
  }
});

test("file URLs as paths", () => {
  expect(pathOfUrl("file:///srv/a%20b")).toBe("/srv/a b");
  expect(pathOfUrl("file:///srv/a%2Fb")).toBeNull();
  expect(pathOfUrl("file:///srv/a%00b")).toBeNull();
  expect(pathOfUrl("file:///srv/%ff")).toBeNull();
});

test("a redirect neither ends encryption nor leads to a file", () => {
  const [away, here] = [namer("public"), namer("loopback")];
  expect(followed("https://h/a", "/b", away)).toBe("https://h/b");
  expect(followed("https://h/a", "http://127.0.0.1/b", here)).toBeNull();
  expect(followed("http://127.0.0.1/a", "http://127.0.0.1/b", here)).toBe("http://127.0.0.1/b");
  expect(followed("https://h/a", "file:///etc/passwd", away)).toBeNull();
});

const namer = (zone: Zone, insecure = false) => ({ zone, insecure });

const namings: [by: ReturnType<typeof namer>, url: string, isFine: boolean][] = [
  [namer("public"), "https://storage.example/x", true],
  [namer("public"), "http://storage.example/x", false],
  [namer("public", true), "http://storage.example/x", true],
  ...["127.0.0.1", "0x7f.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]", "localhost", "localhost.", "0.0.0.0"].flatMap(
    (host): [by: ReturnType<typeof namer>, url: string, isFine: boolean][] => [
      [namer("public"), `https://${host}/x`, false],
      [namer("public", true), `http://${host}/x`, false],
      [namer("private", true), `http://${host}/x`, false],
      [namer("loopback"), `http://${host}/x`, true],
    ],
  ),
  ...["10.0.0.1", "100.64.0.1", "[fd00::1]", "[64:ff9b::a00:1]"].flatMap(
    (host): [by: ReturnType<typeof namer>, url: string, isFine: boolean][] => [
      [namer("public", true), `https://${host}/x`, false],
      [namer("loopback", true), `https://${host}/x`, false],
      [namer("private"), `https://${host}/x`, true],
      [namer("private"), `http://${host}/x`, false],
      [namer("private", true), `http://${host}/x`, true],
    ],
  ),
  [namer("public", true), "http://169.254.169.254/latest/", false],
  [namer("private", true), "http://169.254.169.254/latest/", false],
  [namer("public"), "https://[fe80::1%25eth0]/", false],
  [namer("public"), "gopher://storage.example/", false],
];
for (const [by, url, isFine] of namings) {
  test(`a server that is ${by.zone}${by.insecure ? ", insecure," : ""} may ${isFine ? "" : "not "}name ${url}`, () => {
    expect(named("https://r.example/v2/", url, by) !== null).toBe(isFine);
  });
}

test("a password in a URL is dropped", () => {
  expect(named("https://r.example/", "https://me:secret@s.example/x", namer("public"))).toBe("https://s.example/x");
});

import { expect, test } from "bun:test";
import { besides, followed, pathOfUrl, sourceProblem } from "./url.ts";

const sources: [string, RegExp | null][] = [
  ["https://example.com/catalog.toml", null],
  ["file:///srv/catalog.toml", null],
  ["http://127.0.0.1:8000/c", null],
  ["http://localhost/c", null],
  ["http://[::1]:80/c", null],
  ["http://example.com/c", /plain http/],
  ["http://127.0.0.1.example.com/c", /plain http/],
  ["https://me:secret@example.com/c", /password/],
  ["https://example.com/c?token=1", /query/],
  ["https://example.com/c#x", /query/],
  ["file://host/c", /another host/],
  ["ftp://example.com/c", /neither/],
  ["catalog.toml", /no URL/],
  ["", /no URL/],
  [`https://example.com/${"x".repeat(3000)}`, /no URL/],
];
for (const [url, problem] of sources) {
  test(`${url.slice(0, 50) || "nothing"}: ${problem ? "refused" : "fine"}`, () => {
    const said = sourceProblem(url);
    if (problem === null) expect(said).toBeNull();
    else expect(said).toMatch(problem);
  });
}

test("what a document names beside itself stays as safe as the document", () => {
  expect(besides("https://h/a/c.toml", "b/")).toBe("https://h/a/b/");
  expect(besides("https://h/a/c.toml", "../../../b/")).toBe("https://h/b/");
  expect(besides("https://h/c", "http://127.0.0.1/x")).toBeNull();
  expect(besides("http://127.0.0.1/c", "file:///x")).toBeNull();
  expect(besides("file:///a/c", "https://h/x")).toBe("https://h/x");
  expect(besides("https://h/c", "https://")).toBeNull();
});

test("file URLs as paths", () => {
  expect(pathOfUrl("file:///srv/a%20b")).toBe("/srv/a b");
  expect(pathOfUrl("file:///srv/a%2Fb")).toBeNull();
  expect(pathOfUrl("file:///srv/a%00b")).toBeNull();
  expect(pathOfUrl("file:///srv/%ff")).toBeNull();
});

test("a redirect ends no encryption and leads to no file", () => {
  expect(followed("https://h/a", "/b", false)).toBe("https://h/b");
  expect(followed("https://h/a", "http://127.0.0.1/b", false)).toBeNull();
  expect(followed("http://127.0.0.1/a", "http://127.0.0.1/b", false)).toBe("http://127.0.0.1/b");
  expect(followed("https://h/a", "file:///etc/passwd", false)).toBeNull();
});

import { expect, test } from "bun:test";
import fc from "fast-check";
import { isImageName } from "./names.ts";
import { formatReference, isLoopback, looksLikeReference, referenceOf } from "./reference.ts";
import { runs } from "./testing/budget.ts";

const digest = `sha256:${"a".repeat(64)}`;

test.each([
  ["docker.io/library/python:3.13", "docker.io/library/python:3.13"],
  ["docker.io/python", "docker.io/library/python:latest"],
  ["index.docker.io/me/tool", "docker.io/me/tool:latest"],
  ["GHCR.io/acme/tool__x.y-z", "ghcr.io/acme/tool__x.y-z:latest"],
  ["localhost/x", "localhost/x:latest"],
  ["localhost:5000/a/b/c:V1.0_x", "localhost:5000/a/b/c:V1.0_x"],
  ["[::1]:5000/x", "[::1]:5000/x:latest"],
  [`r.example/x@${digest}`, `r.example/x@${digest}`],
  [`r.example/x:v1@${digest}`, `r.example/x:v1@${digest}`],
])("%s is %s", (text, full) => {
  const reference = referenceOf(text);
  expect(reference && formatReference(reference)).toBe(full as never);
  expect(isImageName(full)).toBe(true);
});

test.each([
  "python:3.13",
  "library/python",
  "debian-bookworm",
  "r.example/",
  "r.example/UPPER",
  "r.example/a//b",
  "r.example/../etc",
  "r.example/a:",
  "r.example/a@sha256:12",
  "r.example:port/a",
  "https://r.example/a",
  "r.example/a b",
  `r.example/${"a/".repeat(300)}a`,
])("%s is none", (text) => {
  expect(referenceOf(text)).toBeNull();
});

test("the formatted reference is an image name, and parses back to it", () => {
  const part = fc.stringMatching(/^[a-z0-9]{1,8}$/);
  const some = fc.tuple(part, fc.array(part, { minLength: 1, maxLength: 4 }), fc.option(part));
  fc.assert(
    fc.property(some, ([host, path, tag]) => {
      const text = `${host}.example/${path.join("/")}${tag === null ? "" : `:${tag}`}`;
      const reference = referenceOf(text);
      expect(reference).not.toBeNull();
      if (!reference) return;
      const name = formatReference(reference);
      expect(isImageName(name)).toBe(true);
      expect(referenceOf(name)).toEqual(reference);
    }),
    { numRuns: runs(100) },
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 600 }), (text) => void [referenceOf(text), looksLikeReference(text)]),
    { numRuns: runs(100) },
  );
});

test("only loopback is loopback", () => {
  for (const host of ["localhost", "localhost:5000", "127.0.0.1:80", "127.9.9.9", "[::1]:5000"])
    expect(isLoopback(host)).toBe(true);
  for (const host of ["localhost.evil.example", "128.0.0.1", "127.0.0.1.evil.example", "r.example"])
    expect(isLoopback(host)).toBe(false);
});

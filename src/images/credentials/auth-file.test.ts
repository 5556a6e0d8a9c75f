/** docker's config.json, damaged in any way: it gives credentials, or CREDENTIALS_INVALID. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { isError } from "../../base/errors/error.ts";
import { patience, runs } from "../../base/testing/budget.ts";
import { spoilt } from "../../base/testing/spoilt.ts";
import { parseAuthFile, storedFor } from "./auth-file.ts";

const good = {
  auths: {
    "r.example": { auth: Buffer.from("me:secret").toString("base64") },
    "https://index.docker.io/v1/": { username: "u", password: "p", identitytoken: "t" },
  },
  credHelpers: { "gcr.io": "gcloud" },
  credsStore: "desktop",
  HttpHeaders: { "User-Agent": "Docker-Client" },
};

test(
  "any content is read or refused",
  () => {
    fc.assert(
      fc.property(spoilt(good), (bytes) => {
        try {
          const file = parseAuthFile(new TextDecoder().decode(bytes), "/c");
          for (const key of ["r.example", "https://index.docker.io/v1/", "__proto__"]) {
            const found = storedFor(file, [key]);
            if (!found) continue;
            const texts = "identityToken" in found ? [found.identityToken] : [found.username, found.password];
            expect(texts.every((text) => typeof text === "string")).toBe(true);
          }
        } catch (error) {
          expect(isError(error, "CREDENTIALS_INVALID")).toBe(true);
        }
      }),
      { numRuns: runs(500) },
    );
  },
  patience,
);

test("of the keys with a path the longest that matches counts, and one with another path never does", () => {
  const auth = (name: string) => ({ auth: Buffer.from(`${name}:x`).toString("base64") });
  const auths = {
    "r.example/one": auth("one"),
    "r.example/one/deep": auth("deep"),
    "r.example": auth("host"),
    "q.example/two": auth("two"),
    "https://old.example/v1/": auth("old"),
  };
  const file = parseAuthFile(JSON.stringify({ auths }), "/c");
  const user = (registry: string, repository: string) => {
    const found = storedFor(file, [registry], repository);
    return found && "username" in found ? found.username : null;
  };
  expect([user("r.example", "one/x"), user("r.example", "one/deep/x"), user("r.example", "one")]).toEqual([
    "one",
    "deep",
    "one",
  ]);
  expect([user("r.example", "onetwo"), user("r.example", "other/x")]).toEqual(["host", "host"]);
  expect([user("q.example", "two/x"), user("q.example", "three/x"), user("old.example", "any/x")]).toEqual([
    "two",
    null,
    "old",
  ]);
});

/** docker's config.json, however it was spoilt: credentials, or CREDENTIALS_INVALID. */
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

import { test } from "bun:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { openapiText } from "../../scripts/openapi.ts";
import { routes } from "../api/routes.ts";
import { clientVerbs } from "../api/types.ts";
import { handlers } from "./handlers.ts";

const text = readFileSync(new URL("../../docs/api.md", import.meta.url), "utf8");

test("docs/api.md has a heading for every route, and for nothing else", () => {
  const documented = [...text.matchAll(/^### `([A-Z]+ [^`]+)`$/gm)].map((match) => match[1] ?? "");
  const known = Object.values(routes).map((route) => `${route.method} ${route.path}`);
  assert.deepEqual(documented.toSorted(), known.toSorted());
});

test("docs/api.md names every verb that a client may open", () => {
  for (const verb of clientVerbs) assert.match(text, new RegExp(`\`${verb}\``));
});

test("every route has a handler", () => {
  assert.deepEqual(Object.keys(handlers).toSorted(), Object.keys(routes).toSorted());
});

test("docs/openapi.json is what the schemas make", () => {
  const written = readFileSync(new URL("../../docs/openapi.json", import.meta.url), "utf8");
  assert.equal(written, openapiText(), "run `bun scripts/openapi.ts`");
});

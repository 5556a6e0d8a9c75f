import { expect, test } from "bun:test";
import fc from "fast-check";
import { patience, runs } from "../base/testing/budget.ts";
import { isRefName, parsePackedRefs } from "./refs.ts";

const oid = "0123456789012345678901234567890123456789";

test("packed refs: comments, peeled lines and malformed lines are skipped", () => {
  const refs = new Map<string, string>();
  const lines = [
    "# pack-refs with: peeled",
    `${oid} refs/heads/main`,
    `${oid} refs/tags/v1`,
    `^${oid}`,
    `${oid} HEAD`,
    "junk",
    `${oid} refs/heads/../x`,
    "",
  ];
  parsePackedRefs(lines.join("\n"), refs);
  expect([...refs]).toEqual([
    ["refs/heads/main", oid],
    ["refs/tags/v1", oid],
  ]);
});

const names: [string, boolean][] = [
  ["refs/heads/main", true],
  ["refs/heads/a/b-c_d.e", true],
  ["HEAD", false],
  ["refs/heads/a..b", false],
  ["refs/heads/.a", false],
  ["refs/heads/a.lock", false],
  ["refs/heads/a b", false],
  ["refs/heads/a\u007f", false],
  ["refs/heads/a@{1}", false],
  ["refs/heads//a", false],
  ["refs/heads/", false],
  ["refs/heads/a.", false],
];
for (const [name, valid] of names) test(`isRefName ${JSON.stringify(name)}`, () => expect(isRefName(name)).toBe(valid));

test(
  "any bytes end in valid names only",
  () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const refs = new Map<string, string>();
        parsePackedRefs(`${oid} refs/${text}`, refs);
        for (const name of refs.keys()) expect(isRefName(name)).toBe(true);
      }),
      { numRuns: runs(100) },
    );
  },
  patience,
);

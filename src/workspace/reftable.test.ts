import { expect, test } from "bun:test";
import * as fs from "node:fs";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { readRefTables } from "./ref-tables.ts";
import { parseReftable, ReftableError } from "./reftable.ts";
import { reftables, unpacked } from "./testing/reftables.ts";

/** A git directory with these tables, oldest first. */
function stack(folder: string, tables: readonly Uint8Array[]): void {
  fs.mkdirSync(`${folder}/reftable`);
  const names = tables.map((_, i) => `0x${i}-0x${i}-0000000${i}.ref`);
  for (const [i, table] of tables.entries()) fs.writeFileSync(`${folder}/reftable/${names[i]}`, table);
  fs.writeFileSync(`${folder}/reftable/tables.list`, names.map((name) => `${name}\n`).join(""));
}

test("a stack as git writes it: blocks, indexes, deletions, tags and symbolic refs", () => {
  using folder = tempFolder("reftable");
  stack(folder.path, reftables.sha1.map(unpacked));
  const refs = readRefTables(folder.path);
  const names = [...Array(400).keys()].map((i) => `refs/heads/topic/number-${i + 1}`);
  for (const name of names) {
    if (name.endsWith("-7")) expect(refs.has(name)).toBe(false);
    else expect(refs.get(name)).toEqual({ oid: reftables.head });
  }
  expect(refs.size).toBe(399 + 5);
  expect(refs.get("HEAD")).toEqual({ target: "refs/heads/main" });
  expect(refs.get("refs/remotes/origin/HEAD")).toEqual({ target: "refs/heads/main" });
  expect(refs.get("refs/heads/later")).toEqual({ oid: reftables.head });
  expect(refs.get("refs/tags/v1")).toEqual({ oid: reftables.tag });
});

test("a SHA-256 repository's", () => {
  using folder = tempFolder("reftable");
  stack(folder.path, reftables.sha256.map(unpacked));
  const expected = [
    ["HEAD", { target: "refs/heads/main" }],
    ["refs/heads/main", { oid: reftables.headOfSha256 }],
  ];
  expect([...readRefTables(folder.path)].sort()).toEqual(expected as never);
});

test("no stack has no refs; a table that is gone, or elsewhere, is said", () => {
  using folder = tempFolder("reftable");
  expect(readRefTables(folder.path).size).toBe(0);
  stack(folder.path, []);
  fs.writeFileSync(`${folder.path}/reftable/tables.list`, "gone.ref\n");
  expect(() => readRefTables(folder.path)).toThrow("a table that does not exist");
  fs.writeFileSync(`${folder.path}/reftable/tables.list`, "../../x.ref\n");
  expect(() => readRefTables(folder.path)).toThrow("tables.list is damaged");
});

test("any bytes are records or an error that says so", () => {
  const [table = ""] = reftables.sha1;
  const whole = unpacked(table);
  const change = fc.record({ at: fc.nat(400), byte: fc.nat(255), length: fc.nat(whole.length) });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = Uint8Array.from(whole);
      for (const { at, byte } of changes) bytes[at] = byte;
      try {
        expect(parseReftable(bytes.subarray(0, changes[0]?.length)).length).toBeLessThan(bytes.length);
      } catch (error) {
        expect(error).toBeInstanceOf(ReftableError);
      }
    }),
    { numRuns: runs(200) },
  );
});

import { expect, test } from "bun:test";
import { openDatabase } from "../host/files/sqlite.ts";
import { migrate, schemaVersion } from "./migrate.ts";
import { migrations } from "./migrations.ts";

const steps = ["CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)", "ALTER TABLE a ADD COLUMN y INTEGER"];

test("a new database gets every step, an older one the missing steps, a current one none", () => {
  const db = openDatabase(":memory:");
  migrate(db, steps.slice(0, 1));
  expect(schemaVersion(db)).toBe(1);
  migrate(db, steps);
  migrate(db, steps);
  expect(schemaVersion(db)).toBe(2);
  expect(db.all("SELECT x, y FROM a")).toEqual([{ x: 1, y: null }]);
});

test("a step that fails half-way leaves the database unchanged", () => {
  const db = openDatabase(":memory:");
  migrate(db, steps.slice(0, 1));
  expect(() => migrate(db, [steps[0] ?? "", "CREATE TABLE b (x INTEGER); NONSENSE"])).toThrow();
  expect(schemaVersion(db)).toBe(1);
  expect(db.all("SELECT name FROM sqlite_schema WHERE name = 'b'")).toEqual([]);
});

test("a database of a newer program is refused and unchanged", () => {
  const db = openDatabase(":memory:");
  migrate(db, steps);
  expect(() => migrate(db, steps.slice(0, 1))).toThrow(
    "the state database has schema 2, this banger knows schemas up to 1",
  );
  expect(schemaVersion(db)).toBe(2);
});

test("the released steps make a database", () => {
  const db = openDatabase(":memory:");
  migrate(db);
  expect(schemaVersion(db)).toBe(migrations.length);
});

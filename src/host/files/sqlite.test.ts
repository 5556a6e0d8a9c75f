import { expect, test } from "bun:test";
import { spawnPiped } from "../process/children.ts";
import { tempFolder } from "../testing/temp.ts";
import { openDatabase } from "./sqlite.ts";

test("rows, values, changes", () => {
  const db = openDatabase(":memory:");
  db.run("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, data BLOB)");
  expect(db.run("INSERT INTO t (name, data) VALUES (?, ?)", "a", new Uint8Array([1, 2])).changes).toBe(1);
  db.run("INSERT INTO t (name) VALUES (?)", null);
  expect(db.get<{ id: number; name: string }>("SELECT id, name FROM t WHERE name = ?", "a")).toEqual({
    id: 1,
    name: "a",
  });
  expect(db.get("SELECT * FROM t WHERE name = ?", "none")).toBeNull();
  expect(db.all<{ data: Uint8Array | null }>("SELECT data FROM t ORDER BY id").map(({ data }) => data)).toEqual([
    new Uint8Array([1, 2]),
    null,
  ]);
  expect(db.run("UPDATE t SET name = 'x'").changes).toBe(2);
  db.close();
});

test("no space: DISK_FULL, and nothing is written", () => {
  const db = openDatabase(":memory:");
  db.run("CREATE TABLE t (data BLOB)");
  db.run("PRAGMA max_page_count = 8");
  const insert = () => db.run("INSERT INTO t VALUES (?)", new Uint8Array(64 * 1024));
  const full = expect.objectContaining({
    code: "DISK_FULL",
    message: expect.stringContaining("no space left at :memory:"),
  });
  expect(insert).toThrow(full);
  expect(() => db.transaction(() => insert())).toThrow(full);
  expect(db.all("SELECT * FROM t")).toEqual([]);
  db.close();
});

test("a transaction is all or nothing, also inside another", () => {
  const db = openDatabase(":memory:");
  db.run("CREATE TABLE t (n INTEGER)");
  const count = () => db.get<{ c: number }>("SELECT count(*) AS c FROM t")?.c;
  expect(() =>
    db.transaction(() => {
      db.run("INSERT INTO t VALUES (1)");
      db.transaction(() => db.run("INSERT INTO t VALUES (2)"));
      throw new Error("no");
    }),
  ).toThrow("no");
  expect(count()).toBe(0);
  expect(db.transaction(() => db.transaction(() => db.run("INSERT INTO t VALUES (3)").changes))).toBe(1);
  expect(count()).toBe(1);
  const late = () => db.transaction(async () => void db.run("INSERT INTO t VALUES (4)"));
  expect(late).toThrow("can't wait");
  expect(count()).toBe(1);
});

test("foreign keys are enforced, and committed rows survive SIGKILL", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/db`;
  const source = `
    import { openDatabase } from ${JSON.stringify(new URL("./sqlite.ts", import.meta.url).pathname)};
    const db = openDatabase(${JSON.stringify(path)});
    db.run("CREATE TABLE a (id INTEGER PRIMARY KEY)");
    db.run("CREATE TABLE b (a INTEGER REFERENCES a(id))");
    db.transaction(() => db.run("INSERT INTO a VALUES (7)"));
    process.kill(process.pid, "SIGKILL");`;
  await spawnPiped([process.execPath, "-e", source]).done;
  const db = openDatabase(path);
  expect(db.all("SELECT id FROM a")).toEqual([{ id: 7 }]);
  expect(() => db.run("INSERT INTO b VALUES (8)")).toThrow("FOREIGN KEY");
  expect(db.get("PRAGMA journal_mode")).toEqual({ journal_mode: "wal" });
  expect(db.get("PRAGMA synchronous")).toEqual({ synchronous: 2 });
  db.close();
});

/** Brings a database to the schema that this program knows, each step whole or not at all. */
import { fail } from "../base/errors/error.ts";
import type { Db } from "../host/files/sqlite.ts";
import { migrations } from "./migrations.ts";

/**
 * @param steps injected by tests only
 * @throws STORE_TOO_NEW when a newer banger has written the database: it is left as it is
 */
export function migrate(db: Db, steps: readonly string[] = migrations): void {
  const present = schemaVersion(db);
  if (present > steps.length) throw fail("STORE_TOO_NEW", { found: present, known: steps.length });
  for (let version = present; version < steps.length; version++) {
    db.transaction(() => {
      for (const statement of statements(steps[version] ?? "")) db.run(statement);
      db.run(`PRAGMA user_version = ${version + 1}`);
    });
  }
}

export function schemaVersion(db: Db): number {
  return db.get<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0;
}

/** A step's statements; none of them has a semicolon inside. */
function statements(step: string): string[] {
  return step
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

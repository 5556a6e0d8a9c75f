/** Migrates a database to the current schema, each step in a transaction. */
import { fail } from "../base/errors/error.ts";
import type { Db } from "../host/files/sqlite.ts";
import { migrations } from "./migrations.ts";

/**
 * @param steps for tests
 * @throws STORE_TOO_NEW when a newer banger has written the database, which is left unchanged
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

/** Splits a step into its statements, none of which may contain a semicolon. */
function statements(step: string): string[] {
  return step
    .split(";")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

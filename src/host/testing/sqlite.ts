/** Databases for tests that need thousands of them. */
import { Database } from "bun:sqlite";
import { type Db, dbOver } from "../files/sqlite.ts";

/** Opens a new database in memory at each call, with what `fill` put into the first: a copy takes a fifteenth of the migrations. */
export function databaseCopies(fill: (db: Db) => void): () => Db {
  let image: Uint8Array | undefined;
  return () => {
    image ??= imageOf(fill);
    return dbOver(Database.deserialize(image, { strict: true }), ":memory:");
  };
}

function imageOf(fill: (db: Db) => void): Uint8Array {
  const database = new Database(":memory:", { strict: true });
  try {
    fill(dbOver(database, ":memory:"));
    return database.serialize();
  } finally {
    database.close();
  }
}

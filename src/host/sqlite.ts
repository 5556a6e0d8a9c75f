/** One SQLite database, opened so that what was committed survives a power cut. */
import { Database, type SQLQueryBindings } from "bun:sqlite";
import { fail } from "../base/errors/error.ts";

export type SqlValue = string | number | bigint | Uint8Array | null;

/** The second where the index of the log can't grow (sqlite.org/rescode.html). */
const full: ReadonlySet<unknown> = new Set(["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"]);

/** What writes throws DISK_FULL where there is no room; nothing of it has happened then. */
export interface Db {
  run(sql: string, ...params: SqlValue[]): { changes: number };
  get<T>(sql: string, ...params: SqlValue[]): T | null;
  all<T>(sql: string, ...params: SqlValue[]): T[];
  /** All or nothing; inside another transaction it is a part of that one. */
  transaction<T>(body: () => T): T;
  close(): void;
}

/** @param path `:memory:` for tests; the file gets mode 0600 from the caller's umask and folder */
export function openDatabase(path: string): Db {
  const database = new Database(path, { create: true, strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA foreign_keys = ON");
  database.run("PRAGMA busy_timeout = 5000");
  const whole = <T>(body: () => T): T => {
    const result = body();
    if (result instanceof Promise) throw new Error("a transaction can't wait: its body must be synchronous");
    return result;
  };
  const query = (sql: string) => database.query<unknown, SQLQueryBindings[]>(sql);
  const sayingFull = <T>(write: () => T): T => {
    try {
      return write();
    } catch (error) {
      if (!full.has((error as { code?: unknown } | null)?.code)) throw error;
      throw fail("DISK_FULL", { path, during: "writing down what changes" }, error);
    }
  };
  return {
    run: (sql, ...params) => sayingFull(() => ({ changes: query(sql).run(...params).changes })),
    get: <T>(sql: string, ...params: SqlValue[]) => query(sql).get(...params) as T | null,
    all: <T>(sql: string, ...params: SqlValue[]) => query(sql).all(...params) as T[],
    transaction: <T>(body: () => T) =>
      database.inTransaction ? whole(body) : sayingFull(() => database.transaction(() => whole(body)).immediate()),
    close: () => database.close(),
  };
}

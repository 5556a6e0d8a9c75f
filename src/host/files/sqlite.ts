/** One SQLite database, opened so that committed changes survive a power cut. */
import { constants, Database, type SQLQueryBindings } from "bun:sqlite";
import { statSync } from "node:fs";
import { fail } from "../../base/errors/error.ts";

export type SqlValue = string | number | bigint | Uint8Array | null;

/** The second code means that the index of the write-ahead log can't grow (sqlite.org/rescode.html). */
const full: ReadonlySet<unknown> = new Set(["SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"]);

/** Writes throw DISK_FULL when there is no space, and have no effect then. */
export interface Db {
  run(sql: string, ...params: SqlValue[]): { changes: number };
  get<T>(sql: string, ...params: SqlValue[]): T | null;
  all<T>(sql: string, ...params: SqlValue[]): T[];
  /** All or nothing; within another transaction it is a part of that one. */
  transaction<T>(body: () => T): T;
  close(): void;
}

/**
 * Spare space of the log and the database on the disk, in bytes: writes go there while the disk is full. The log restarts from its
 * beginning long before it is longer than that.
 */
const spareBytes = 2 * 1024 * 1024;
const checkpointPages = 256;

export type DatabaseOptions = {
  /** Called when a write finds no space. True: space was made, and the write is tried once more. */
  makeRoom?: () => boolean;
};

/** @param path `:memory:` for tests; the file gets mode 0600 from the caller's umask and folder */
export function openDatabase(path: string, options: DatabaseOptions = {}): Db {
  return dbOver(new Database(path, { create: true, strict: true }), path, options);
}

/** `openDatabase` for a database that the runtime has opened, `strict`, from `path`. */
export function dbOver(database: Database, path: string, { makeRoom = () => false }: DatabaseOptions = {}): Db {
  const whole = <T>(body: () => T): T => {
    const result = body();
    if (result instanceof Promise) throw new Error("a transaction can't wait: its body must be synchronous");
    return result;
  };
  const query = (sql: string) => database.query<unknown, SQLQueryBindings[]>(sql);
  const sayingFull = <T>(write: () => T): T => {
    // a failure inside a transaction fails the whole transaction, which is retried as a whole
    const isPart = database.inTransaction;
    try {
      return write();
    } catch (error) {
      if (!full.has((error as { code?: unknown } | null)?.code)) throw error;
      if (!isPart && makeRoom()) return sayingFull(write);
      throw fail("DISK_FULL", { path, during: "writing down what changes" }, error);
    }
  };
  sayingFull(() => prepare(database));
  if (path !== ":memory:") keepSpare(database, path);
  return {
    run: (sql, ...params) => sayingFull(() => ({ changes: query(sql).run(...params).changes })),
    get: <T>(sql: string, ...params: SqlValue[]) => query(sql).get(...params) as T | null,
    all: <T>(sql: string, ...params: SqlValue[]) => query(sql).all(...params) as T[],
    transaction: <T>(body: () => T) =>
      database.inTransaction ? whole(body) : sayingFull(() => database.transaction(() => whole(body)).immediate()),
    close: () => database.close(),
  };
}

/** The log and its index are kept when the database is closed, and the log is reused from its beginning. */
function prepare(database: Database): void {
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA foreign_keys = ON");
  database.run("PRAGMA busy_timeout = 5000");
  database.run(`PRAGMA wal_autocheckpoint = ${checkpointPages}`);
  database.fileControl(constants.SQLITE_FCNTL_PERSIST_WAL, 1);
  database.run("PRAGMA wal_checkpoint(RESTART)");
  // left by a process that died in between
  database.run("DROP TABLE IF EXISTS spare");
}

/** Grows the log and the database with a row that is deleted at once; without space for it, the next process to open it does. */
function keepSpare(database: Database, path: string): void {
  if (logBytes(path) >= spareBytes) return;
  try {
    database.transaction(() => {
      database.run("CREATE TABLE spare (bytes BLOB)");
      database.run(`INSERT INTO spare VALUES (zeroblob(${spareBytes}))`);
    })();
  } catch (error) {
    if (full.has((error as { code?: unknown } | null)?.code)) return;
    throw error;
  }
  database.run("DROP TABLE spare");
  database.run("PRAGMA wal_checkpoint(RESTART)");
}

function logBytes(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** The stack of reftables of a git directory: later tables override earlier ones. */
import { readGitFile } from "./git-file.ts";
import { parseReftable, type RefRecord } from "./reftable.ts";

const maxTables = 1000;
const maxListBytes = 256 * 1024;
const maxTableBytes = 128 * 1024 * 1024;
/** git can merge tables at any time, and removes those that it has merged */
const attempts = 5;

/**
 * Values by ref name, including `HEAD`; empty when there is no stack.
 * @param gitDir a real path, byte text
 * @throws GitFileError, ReftableError
 */
export function readRefTables(gitDir: string): Map<string, NonNullable<RefRecord["value"]>> {
  for (let left = attempts; ; left--) {
    const tables = readTables(gitDir);
    if (tables !== null) return merge(tables);
    if (left <= 1) throw new Error("its reftable/tables.list names a table that does not exist");
  }
}

/** Null when a listed table has been removed. */
function readTables(gitDir: string): Uint8Array[] | null {
  const list = readGitFile(gitDir, "reftable/tables.list", maxListBytes);
  const names = list === null ? [] : Buffer.from(list).toString("latin1").split("\n").filter(Boolean);
  if (names.length > maxTables) throw new Error(`its reftable/tables.list names more than ${maxTables} tables`);
  const tables: Uint8Array[] = [];
  for (const name of names) {
    if (!/^[\w.-]{1,200}\.ref$/.test(name)) throw new Error("its reftable/tables.list is damaged");
    const bytes = readGitFile(gitDir, `reftable/${name}`, maxTableBytes);
    if (bytes === null) return null;
    tables.push(bytes);
  }
  return tables;
}

function merge(tables: readonly Uint8Array[]): Map<string, NonNullable<RefRecord["value"]>> {
  const refs = new Map<string, NonNullable<RefRecord["value"]>>();
  for (const { name, value } of tables.flatMap(parseReftable)) {
    if (value === null) refs.delete(name);
    else refs.set(name, value);
  }
  return refs;
}

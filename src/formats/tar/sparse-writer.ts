/** Writes a sparse member like GNU tar in PAX format 1.0: a map of the data, then the data. */
import type { TarEntry } from "./header.ts";
import { paxRecord } from "./pax.ts";
import { headerBlock, padding } from "./writer.ts";

/** most parts that any reader, including ours, accepts */
export const maxSparseParts = 10_000;

/**
 * Everything before the parts' data, which must follow, and then `padding` of its total length.
 * @param entry with the size of the whole content @param parts in order
 */
export function sparseHead(entry: TarEntry, parts: readonly { offset: number; length: number }[]): Uint8Array {
  const numbers = [parts.length + 1, ...parts.flatMap(({ offset, length }) => [offset, length]), entry.size, 0];
  const text = Buffer.from(numbers.map((number) => `${number}\n`).join(""), "latin1");
  const map = [text, padding(text.length)];
  const data = parts.reduce((sum, { length }) => sum + length, 0);
  const stored = text.length + padding(text.length).length + data;
  const records = Buffer.concat([
    paxRecord("GNU.sparse.major", "1"),
    paxRecord("GNU.sparse.minor", "0"),
    paxRecord("GNU.sparse.name", entry.name),
    paxRecord("GNU.sparse.realsize", String(entry.size)),
    ...(stored > 0o77777777777 ? [paxRecord("size", String(stored))] : []),
  ]);
  const extension = headerBlock({ ...entry, name: "pax", size: records.length }, "x");
  const own = headerBlock({ ...entry, size: stored }, "0");
  return Buffer.concat([extension, records, padding(records.length), own, ...map]);
}

/** PAX extended headers: `length key=value\n` records that override fields of the header that follows. */
import { byteString, TarError } from "./header.ts";

/** GNU's sparse format 0.0 has a record for each number of the map, under the same two keys. */
const mapKeys = new Set(["GNU.sparse.offset", "GNU.sparse.numbytes"]);
const mapKey = "GNU.sparse.map";

/**
 * Keys and values as byte strings. The map of sparse format 0.0 is converted to the form of 0.1: one record
 * `GNU.sparse.map`.
 * @throws TarError if a record's length is invalid
 */
export function parsePax(body: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  const map: string[] = [];
  let at = 0;
  while (at < body.length) {
    const length = recordLength(body, at);
    const record = byteString(body.subarray(at, at + length - 1));
    const start = record.indexOf(" ") + 1;
    const equals = record.indexOf("=", start);
    if (equals < 0) throw new TarError("a pax record has no value");
    const key = record.slice(start, equals);
    if (mapKeys.has(key)) map.push(record.slice(equals + 1));
    else records.set(key, record.slice(equals + 1));
    at += length;
  }
  if (map.length > 0) records.set(mapKey, map.join(","));
  return records;
}

function recordLength(body: Uint8Array, at: number): number {
  let length = 0;
  for (let i = at; i < at + 8 && i < body.length; i++) {
    const byte = body[i] as number;
    if (byte === 0x20 && i > at) {
      const end = at + length;
      if (length < i - at + 3 || end > body.length || body[end - 1] !== 0x0a) break;
      return length;
    }
    if (byte < 0x30 || byte > 0x39) break;
    length = length * 10 + byte - 0x30;
  }
  throw new TarError("a pax record's length is wrong");
}

/** A record; its length field includes its own digits. Key and value are byte strings. */
export function paxRecord(key: string, value: string): Uint8Array {
  const rest = Buffer.from(` ${key}=${value}\n`, "latin1");
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  const digits = new TextEncoder().encode(String(length));
  const record = new Uint8Array(length);
  record.set(digits);
  record.set(rest, digits.length);
  return record;
}

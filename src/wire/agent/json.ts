/**
 * JSON payloads: an object in UTF-8, no larger than a frame. Bytes that are not UTF-8 (in our strings U+DC80-U+DCFF, see
 * `base/path-bytes.ts`) are written as U+0000 and two hexadecimal digits: no name, argument or variable contains a NUL.
 */
import { fail } from "../../base/errors/error.ts";
import { protocolError } from "./frame.ts";
import { type Json, maxPayload } from "./types.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });
const encoder = new TextEncoder();

/** @throws AGENT_PROTOCOL */
export function parseJson(payload: Uint8Array): Json {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(payload));
  } catch {
    throw protocolError("a payload is not JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw protocolError("a payload is not a JSON object");
  return value as Json;
}

/** Without a limit on the length. */
export function encodeJson(value: Json): Uint8Array {
  const json = JSON.stringify(value);
  return encoder.encode(json.includes("\\udc") ? withByteEscapes(json) : json);
}

/** The backslash before `u` can be escaped itself, so the pattern consumes escapes from the left, one by one. */
function withByteEscapes(json: string): string {
  return json.replace(/\\(?:udc([89a-f][0-9a-f])|.)/g, (whole, digits) => (digits ? `\\u0000${digits}` : whole));
}

/** @throws AGENT_REFUSED when it does not fit in a frame */
export function jsonPayload(value: Json): Uint8Array {
  const bytes = encodeJson(value);
  if (bytes.length <= maxPayload) return bytes;
  throw fail("AGENT_REFUSED", {
    verb: "a message",
    reason: `it takes ${bytes.length} bytes, more than ${maxPayload}`,
    code: "limit",
  });
}

/** JSON payloads: an object, UTF-8, within the frame's limit. */
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
    throw protocolError("a payload is no JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw protocolError("a payload is no JSON object");
  return value as Json;
}

/** @throws AGENT_REFUSED when it does not fit a frame */
export function jsonPayload(value: Json): Uint8Array {
  const bytes = encoder.encode(JSON.stringify(value));
  if (bytes.length > maxPayload) {
    const verb = typeof value["verb"] === "string" ? value["verb"] : "a message";
    throw fail("AGENT_REFUSED", {
      verb,
      reason: `arguments and environment take ${bytes.length} bytes, more than ${maxPayload}`,
      code: "limit",
    });
  }
  return bytes;
}

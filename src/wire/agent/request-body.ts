/** Requests larger than a frame: OPEN announces the size, and the JSON follows as the first bytes of channel 0. */
import { fail } from "../../base/errors/error.ts";
import { protocolError } from "./frame.ts";
import { encodeJson, parseJson } from "./json.ts";
import { type Json, maxPayload } from "./types.ts";

/** Bytes. Linux takes 2 MiB of arguments and variables, and JSON needs up to six bytes for one. */
const maxBody = 16 * 1024 * 1024;

export type EncodedOpen = { open: Uint8Array; body: Uint8Array | null };

/** The payload of OPEN, and the body when the request does not fit in it. @throws AGENT_REFUSED over the limit of an agent */
export function encodeOpen(verb: string, args: Json): EncodedOpen {
  const open = encodeJson({ verb, ...args });
  if (open.length <= maxPayload) return { open, body: null };
  const body = encodeJson(args);
  if (body.length <= maxBody) return { open: encodeJson({ verb, body: body.length }), body };
  throw fail("AGENT_REFUSED", { verb, reason: `it takes ${body.length} bytes, more than ${maxBody}`, code: "limit" });
}

/** The size in bytes of the body that an OPEN announces; null: OPEN is the whole request. @throws AGENT_PROTOCOL */
export function bodySize({ body }: Json): number | null {
  if (body === undefined) return null;
  if (Number.isSafeInteger(body) && Number(body) > 0 && Number(body) <= maxBody) return Number(body);
  throw protocolError("the size of a request's body is out of range");
}

/** Collects the body of one request. */
export class RequestBody {
  readonly #parts: Uint8Array[] = [];
  #left: number;

  constructor(size: number) {
    this.#left = size;
  }

  /** @returns the request without its verb once complete, else null @throws AGENT_PROTOCOL */
  take(payload: Uint8Array): Json | null {
    this.#left -= payload.length;
    if (this.#left < 0) throw protocolError("a request's body does not end with a frame");
    this.#parts.push(payload.slice());
    return this.#left === 0 ? parseJson(Buffer.concat(this.#parts)) : null;
  }
}

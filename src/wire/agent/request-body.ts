/** A request that is larger than a frame: OPEN has its size, and the rest of its JSON comes as the first bytes of channel 0. */
import { fail } from "../../base/errors/error.ts";
import { protocolError } from "./frame.ts";
import { encodeJson, parseJson } from "./json.ts";
import { type Json, maxPayload } from "./types.ts";

/** Bytes. Linux takes 2 MiB of arguments and variables; JSON needs up to six for one of them. */
const maxBody = 16 * 1024 * 1024;

export type EncodedOpen = { open: Uint8Array; body: Uint8Array | null };

/** The payload of OPEN, and what follows where that has no room for all. @throws AGENT_REFUSED for what no agent takes */
export function encodeOpen(verb: string, args: Json): EncodedOpen {
  const open = encodeJson({ verb, ...args });
  if (open.length <= maxPayload) return { open, body: null };
  const body = encodeJson(args);
  if (body.length <= maxBody) return { open: encodeJson({ verb, body: body.length }), body };
  throw fail("AGENT_REFUSED", { verb, reason: `it takes ${body.length} bytes, more than ${maxBody}`, code: "limit" });
}

/** The size of the body that an OPEN announces; null: it is the whole request. @throws AGENT_PROTOCOL */
export function bodySize({ body }: Json): number | null {
  if (body === undefined) return null;
  if (Number.isSafeInteger(body) && Number(body) > 0 && Number(body) <= maxBody) return Number(body);
  throw protocolError("a request's body has no size that is taken");
}

/** The body of one request, as it comes. */
export class RequestBody {
  readonly #parts: Uint8Array[] = [];
  #left: number;

  constructor(size: number) {
    this.#left = size;
  }

  /** @returns the request without its verb, once it is whole @throws AGENT_PROTOCOL */
  take(payload: Uint8Array): Json | null {
    this.#left -= payload.length;
    if (this.#left < 0) throw protocolError("a request's body does not end with a frame");
    this.#parts.push(payload.slice());
    return this.#left === 0 ? parseJson(Buffer.concat(this.#parts)) : null;
  }
}

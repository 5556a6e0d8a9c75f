/** A stream that the other side opened: answered once, then used like any other. */
import { jsonPayload } from "./json.ts";
import type { Stream } from "./stream.ts";
import type { Json } from "./types.ts";

export class ServedStream {
  readonly stream: Stream;
  readonly #answer: (payload: Uint8Array, refused: boolean) => void;
  #answered = false;

  constructor(stream: Stream, answer: (payload: Uint8Array, refused: boolean) => void) {
    this.stream = stream;
    this.#answer = answer;
  }

  get verb(): string {
    return this.stream.verb;
  }

  /** the whole OPEN payload */
  get request(): Json {
    return this.stream.args;
  }

  /** @throws AGENT_REFUSED when the reply does not fit a frame; it can still be refused then */
  accept(reply: Json = {}): Stream {
    this.#reply({ ...reply, ok: true }, false);
    return this.stream;
  }

  refuse(code: string, message: string): void {
    this.#reply({ ok: false, error: { code, message } }, true);
  }

  #reply(reply: Json, refused: boolean): void {
    if (this.#answered) throw new Error("answered already");
    const payload = jsonPayload(reply);
    this.#answered = true;
    this.#answer(payload, refused);
  }
}

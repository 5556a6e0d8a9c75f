/** A stream that the peer opened: accepted or refused once, then used like any other. */
import { jsonPayload } from "./json.ts";
import { maxCode, maxMessage } from "./refusal.ts";
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

  get isAnswered(): boolean {
    return this.#answered;
  }

  get verb(): string {
    return this.stream.verb;
  }

  /** the whole OPEN payload */
  get request(): Json {
    return this.stream.args;
  }

  /** @throws AGENT_REFUSED when the reply does not fit in a frame; the stream can still be refused then */
  accept(reply: Json = {}): Stream {
    this.#reply({ ...reply, ok: true }, false);
    return this.stream;
  }

  /** Truncates both to the limits of a refusal, as they can contain text from the peer. */
  refuse(code: string, message: string): void {
    this.#reply({ ok: false, error: { code: code.slice(0, maxCode), message: message.slice(0, maxMessage) } }, true);
  }

  #reply(reply: Json, refused: boolean): void {
    if (this.#answered) throw new Error("already answered");
    const payload = jsonPayload(reply);
    this.#answered = true;
    this.#answer(payload, refused);
  }
}

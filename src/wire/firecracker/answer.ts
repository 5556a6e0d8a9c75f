/**
 * Reads the answers of Firecracker's API server, one after the other on one connection. A subset of HTTP/1.1 (RFC 9112), as narrow as
 * what the server writes: a status line, headers, and a body of the announced length. The VMM may be run by its guest, so
 * everything else is an error, and every size is bounded.
 */

export type ApiAnswer = { status: number; body: Uint8Array };

/** The peer does not speak the API's HTTP; the message is for users. */
export class AnswerError extends Error {}

/** Bytes. The server's heads have less than 200. */
const maxHead = 4096;
/** Bytes. The longest answer is the VM's whole configuration, which we never ask for. */
const maxBody = 64 * 1024;
const nothing = Buffer.alloc(0);

export class AnswerReader {
  #held: Buffer = nothing;
  #head: { status: number; length: number } | null = null;

  /** @returns the answers that are complete with `chunk`. @throws AnswerError */
  push(chunk: Uint8Array): ApiAnswer[] {
    this.#held = Buffer.concat([this.#held, chunk]);
    const answers: ApiAnswer[] = [];
    for (let answer = this.#take(); answer; answer = this.#take()) answers.push(answer);
    return answers;
  }

  #take(): ApiAnswer | null {
    this.#head ??= this.#takeHead();
    if (this.#head === null || this.#held.length < this.#head.length) return null;
    const { status, length } = this.#head;
    const body = new Uint8Array(this.#held.subarray(0, length));
    this.#held = this.#held.subarray(length);
    this.#head = null;
    return { status, body };
  }

  #takeHead(): { status: number; length: number } | null {
    const end = this.#held.indexOf("\r\n\r\n");
    if ((end < 0 ? this.#held.length : end) > maxHead) throw new AnswerError("an answer's head is too long");
    if (end < 0) return null;
    const [first = "", ...lines] = this.#held.subarray(0, end).toString("latin1").split("\r\n");
    this.#held = this.#held.subarray(end + 4);
    return { status: statusOf(first), length: lengthOf(lines) };
  }
}

function statusOf(line: string): number {
  const status = /^HTTP\/1\.1 ([2-5]\d\d)(?: |$)/.exec(line)?.[1];
  if (status === undefined) throw new AnswerError("it does not answer in HTTP");
  return Number(status);
}

function lengthOf(lines: readonly string[]): number {
  let length: number | null = null;
  for (const line of lines) {
    const [, name, value] = /^([\w-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined) throw new AnswerError("an answer has a malformed header");
    if (/^transfer-encoding$/i.test(name)) throw new AnswerError("an answer has no length");
    if (!/^content-length$/i.test(name)) continue;
    if (length !== null || !/^\d{1,9}$/.test(value ?? "")) throw new AnswerError("an answer's length is malformed");
    length = Number(value);
  }
  if (length !== null && length > maxBody) throw new AnswerError("an answer is too long");
  return length ?? 0;
}

/** A program's output as lines, as it comes. */
import { trimEndOf } from "../../base/trim.ts";

const maxLine = 4096;

export class Lines {
  readonly #said: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(said: (line: string) => void) {
    this.#said = said;
  }

  push(data: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(data, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#said(shownPart(line));
    // one that never ends is told in pieces
    while (this.#rest.length > maxLine) {
      this.#said(shownPart(this.#rest.slice(0, maxLine)));
      this.#rest = this.#rest.slice(maxLine);
    }
  }

  finish(): void {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    if (rest !== "") this.#said(shownPart(rest));
  }
}

/** What a terminal would show in the end: a progress bar is drawn over and over. */
function shownPart(line: string): string {
  const whole = trimEndOf(line, "\r");
  return whole.slice(whole.lastIndexOf("\r") + 1);
}

/** Splits the output of a program into lines as it arrives. */
import { trimEndOf } from "../../base/trim.ts";

const maxLine = 4096;

export class Lines {
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(data: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(data, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#onLine(shownPart(line));
    // an endless line is reported in pieces
    while (this.#rest.length > maxLine) {
      this.#onLine(shownPart(this.#rest.slice(0, maxLine)));
      this.#rest = this.#rest.slice(maxLine);
    }
  }

  finish(): void {
    const rest = this.#rest + this.#decoder.decode();
    this.#rest = "";
    if (rest !== "") this.#onLine(shownPart(rest));
  }
}

/** What a terminal would show in the end: a progress bar overwrites its line. */
function shownPart(line: string): string {
  const whole = trimEndOf(line, "\r");
  return whole.slice(whole.lastIndexOf("\r") + 1);
}

/**
 * Uncaught exceptions of a long-lived process: each is a bug, but no reason to end what the process does for others. They are logged and
 * counted, and the process continues.
 */

import { redactText } from "../../base/text.ts";
import { oneLine } from "../../base/untrusted-text.ts";
import type { Logger } from "../log.ts";

export type UncaughtFacts = {
  /** since the process started */
  count: number;
  /** the last message, one line; null when there was none */
  last: string | null;
};

const maxMessage = 500;

export class Uncaught {
  readonly #log: Logger;
  #count = 0;
  #last: string | null = null;

  constructor(log: Logger) {
    this.#log = log;
  }

  get facts(): UncaughtFacts {
    return { count: this.#count, last: this.#last };
  }

  note(thrown: unknown, kind: "exception" | "rejection"): void {
    this.#count += 1;
    const message = redactText(oneLine(messageOf(thrown).slice(0, maxMessage)));
    this.#last = message;
    this.#log.error(`uncaught ${kind}`, { message, stack: stackOf(thrown), count: this.#count });
  }
}

/** Installs the process's handlers; from now on no uncaught exception ends it or is written to stderr. */
export function catchUncaught(log: Logger): Uncaught {
  const uncaught = new Uncaught(log);
  process.on("uncaughtException", (error) => uncaught.note(error, "exception"));
  process.on("unhandledRejection", (reason) => uncaught.note(reason, "rejection"));
  return uncaught;
}

/** For any value: even a thrown object's own conversions can throw. */
function messageOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  } catch {
    return "a value that can't be shown";
  }
}

function stackOf(thrown: unknown): string {
  const stack = thrown instanceof Error ? thrown.stack : undefined;
  return typeof stack === "string" ? stack : "";
}

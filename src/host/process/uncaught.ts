/**
 * Exceptions that reach the top of a long-lived process: each is a bug, and no reason to end what the process does for others. They are
 * logged and counted, and the process continues.
 */
import { oneLine } from "../../base/display.ts";
import { redactText } from "../../base/text.ts";
import type { Logger } from "../log.ts";

export type UncaughtFacts = {
  /** since the process began */
  count: number;
  /** the last one's message, one line; null when there was none */
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

/** Installs the process's handlers; from now on nothing of the kind ends it or is written to stderr. */
export function catchUncaught(log: Logger): Uncaught {
  const uncaught = new Uncaught(log);
  process.on("uncaughtException", (error) => uncaught.note(error, "exception"));
  process.on("unhandledRejection", (reason) => uncaught.note(reason, "rejection"));
  return uncaught;
}

/** Of anything at all: a thrown object's own conversions may throw too. */
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

/** How much of the progress is said: a stranger's numbers add up, a log gets few lines, a program gets few events. */
import { oneLine } from "../../base/display.ts";
import type { ProgressEvent, WorkEvent } from "../../model/event.ts";

/** What is there of the work, never more than there is in all: a workspace's history comes on top of its files. */
export function bounded(event: WorkEvent): WorkEvent {
  if (event.kind !== "progress" || event.done === undefined || event.total === undefined) return event;
  return { ...event, done: Math.min(event.done, event.total) };
}

/** lines of one piece of work where there is no terminal */
const mostLines = 3;
const mostPieces = 1000;

/** Chooses what is worth a line of a log: the beginning, the middle and the end. */
export class ProgressLines {
  readonly #said = new Map<string, Set<string>>();
  #last = "";

  /** Null: nothing new. */
  next(event: ProgressEvent): string | null {
    const line = lineOf(event);
    const key = keyOf(event);
    if (this.#said.size > mostPieces) this.#said.clear();
    const lines = this.#said.get(key) ?? new Set();
    this.#said.set(key, lines);
    if (line === this.#last || lines.has(line) || lines.size >= mostLines) return null;
    lines.add(line);
    this.#last = line;
    return line;
  }

  /** Something else was said: the same line may follow again. */
  forgetLast(): void {
    this.#last = "";
  }
}

function lineOf({ text, done, total }: ProgressEvent): string {
  if (done === undefined || total === undefined || total === 0) return oneLine(text);
  return `${oneLine(text)} ${Math.floor(Math.min(1, done / total) * 2) * 50}%`;
}

/** Texts that count something themselves are one piece of work. */
function keyOf({ step, text, total }: ProgressEvent): string {
  return `${step} ${total === undefined ? text.replace(/\d+([.]\d+)?/g, "#") : text}`;
}

/** between two progress events, in `ms`: with one that follows late, ten within any second */
const pauseMs = 110;

/** Lets through at most ten progress events a second, and the last one that is followed by something else. */
export class ProgressEvents {
  readonly #emit: (event: WorkEvent) => void;
  readonly #now: () => number;
  #at = Number.NEGATIVE_INFINITY;
  #kept: ProgressEvent | null = null;

  /** @param now monotonic, in `ms` */
  constructor(emit: (event: WorkEvent) => void, now: () => number) {
    this.#emit = emit;
    this.#now = now;
  }

  add(event: WorkEvent): void {
    if (event.kind !== "progress") {
      this.flush();
      return this.#emit(event);
    }
    this.#kept = event;
    if (this.#now() - this.#at < pauseMs) return;
    this.#at = this.#now();
    this.flush();
  }

  /** Gives what was kept back. */
  flush(): void {
    if (this.#kept) this.#emit(this.#kept);
    this.#kept = null;
  }
}

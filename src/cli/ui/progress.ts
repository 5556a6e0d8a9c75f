/** Limits progress: numbers of an untrusted source never exceed their total, a log gets few lines, a program few events. */
import { oneLine } from "../../base/untrusted-text.ts";
import type { ProgressEvent, WorkEvent } from "../../model/event.ts";

/** `done` capped at `total`: the history of a workspace comes on top of its files. */
export function bounded(event: WorkEvent): WorkEvent {
  if (event.kind !== "progress" || event.done === undefined || event.total === undefined) return event;
  return { ...event, done: Math.min(event.done, event.total) };
}

/** lines for one piece of work without a terminal */
const mostLines = 3;
const mostPieces = 1000;

/** Chooses the progress that is worth a line of a log: the beginning, the middle and the end. */
export class ProgressLines {
  readonly #printed = new Map<string, Set<string>>();
  #last = "";

  /** Null: nothing new. */
  next(event: ProgressEvent): string | null {
    const line = lineOf(event);
    const key = keyOf(event);
    if (this.#printed.size > mostPieces) this.#printed.clear();
    const lines = this.#printed.get(key) ?? new Set();
    this.#printed.set(key, lines);
    if (line === this.#last || lines.has(line) || lines.size >= mostLines) return null;
    lines.add(line);
    this.#last = line;
    return line;
  }

  /** Something else was printed: the same line can follow again. */
  forgetLast(): void {
    this.#last = "";
  }
}

function lineOf({ text, done, total }: ProgressEvent): string {
  if (done === undefined || total === undefined || total === 0) return oneLine(text);
  return `${oneLine(text)} ${Math.floor(Math.min(1, done / total) * 2) * 50}%`;
}

/** Texts that differ only in their numbers are one piece of work. */
function keyOf({ step, text, total }: ProgressEvent): string {
  return `${step} ${total === undefined ? text.replace(/\d+([.]\d+)?/g, "#") : text}`;
}

/** `ms` between two progress events: with a late last one, at most ten in any second */
const pauseMs = 110;

/** Emits at most ten progress events a second, and always the last one before another event. */
export class ProgressEvents {
  readonly #emit: (event: WorkEvent) => void;
  readonly #now: () => number;
  #at = Number.NEGATIVE_INFINITY;
  #pending: ProgressEvent | null = null;

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
    this.#pending = event;
    if (this.#now() - this.#at < pauseMs) return;
    this.#at = this.#now();
    this.flush();
  }

  /** Emits the pending event. */
  flush(): void {
    if (this.#pending) this.#emit(this.#pending);
    this.#pending = null;
  }
}

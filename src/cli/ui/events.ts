/** Prints events for people or programs, always on stderr: stdout can belong to a guest. */

import { formatSize } from "../../base/units.ts";
import { oneLine, safeJson } from "../../base/untrusted-text.ts";
import { cutCells } from "../../host/terminal/cells.ts";
import type { NoteEvent, ProgressEvent, WorkEvent } from "../../model/event.ts";
import { bounded, ProgressEvents, ProgressLines } from "./progress.ts";

export type EventSink = {
  emit(event: WorkEvent): void;
  /** clears the terminal's line */
  done(): void;
};

export type SinkOptions = {
  write(text: string): void;
  /** whether progress can overwrite its line */
  terminal: boolean;
  cols(): number;
  json: boolean;
  /** monotonic, in `ms` */
  now?(): number;
};

export function eventSink(options: SinkOptions): EventSink {
  const sink = sinkFor(options);
  return { emit: (event) => sink.emit(bounded(event)), done: sink.done };
}

function sinkFor(options: SinkOptions): EventSink {
  if (options.json) return jsonSink(options);
  return options.terminal ? liveSink(options) : plainSink(options.write);
}

function jsonSink({ write, now = () => performance.now() }: SinkOptions): EventSink {
  const events = new ProgressEvents((event) => write(`${safeJson(event)}\n`), now);
  return { emit: (event) => events.add(event), done: () => events.flush() };
}

/** Prints the spec first and only once: notes wait for it, or for progress that comes before it. */
export function specFirst(sink: EventSink): EventSink {
  let spec: string | undefined;
  let pending: NoteEvent[] | null = [];
  const release = () => {
    for (const note of pending ?? []) sink.emit(note);
    pending = null;
  };
  return {
    emit(event) {
      if (event.kind === "note" && pending) return void pending.push(event);
      if (event.kind === "spec") {
        if (event.text !== spec) sink.emit(event);
        spec = event.text;
        return release();
      }
      release();
      sink.emit(event);
    },
    done() {
      release();
      sink.done();
    },
  };
}

/** Prints a few lines for each step. */
function plainSink(write: (text: string) => void): EventSink {
  const progress = new ProgressLines();
  let last = "";
  return {
    emit(event) {
      const line = event.kind === "progress" ? progress.next(event) : lineOf(event);
      if (line === null || (line === last && event.kind !== "log")) return;
      if (event.kind !== "progress") progress.forgetLast();
      last = line;
      write(`${line}\n`);
    },
    done() {},
  };
}

/** Draws progress on one line of the terminal. */
function liveSink({ write, cols }: SinkOptions): EventSink {
  let drawn = "";
  const clear = () => {
    if (drawn !== "") write("\r\x1b[K");
    drawn = "";
  };
  return {
    emit(event) {
      if (event.kind === "progress") {
        const line = withBar(event, cols());
        if (line !== drawn) write(`\r${line}\x1b[K`);
        drawn = line;
        return;
      }
      const line = lineOf(event);
      if (line === null) return;
      clear();
      write(`${line}\n`);
    },
    done: clear,
  };
}

function lineOf(event: WorkEvent): string | null {
  switch (event.kind) {
    case "spec":
      return `spec: ${oneLine(event.text)}`;
    case "log":
      return `  | ${oneLine(event.text)}`;
    case "note":
      return event.level === "warn" ? `warning: ${oneLine(event.text)}` : oneLine(event.text);
    default:
      return null;
  }
}

function withBar({ text, done, total }: ProgressEvent, cols: number): string {
  const size =
    done === undefined ? "" : total ? ` ${formatSize(done)} of ${formatSize(total)}` : ` ${formatSize(done)}`;
  const bar = done !== undefined && total ? `${barOf(done / total)} ` : "";
  const line = oneLine(text);
  return cutCells(`${bar}${line}${size}`, Math.max(20, cols - 1));
}

function barOf(part: number): string {
  const full = Math.round(Math.min(1, Math.max(0, part)) * 20);
  return `[${"#".repeat(full)}${".".repeat(20 - full)}]`;
}

/** Events as a person or a program reads them: always on stderr, for stdout may be a guest's. */
import { oneLine, safeJson } from "../../base/display.ts";
import { formatSize } from "../../base/units.ts";
import type { NoteEvent, ProgressEvent, WorkEvent } from "../../model/event.ts";

export type EventSink = {
  emit(event: WorkEvent): void;
  /** leaves the terminal's line clean */
  done(): void;
};

export type SinkOptions = {
  write(text: string): void;
  /** a line that is drawn over */
  terminal: boolean;
  cols(): number;
  json: boolean;
};

export function eventSink(options: SinkOptions): EventSink {
  if (options.json) return { emit: (event) => options.write(`${safeJson(event)}\n`), done: () => {} };
  return options.terminal ? liveSink(options) : plainSink(options.write);
}

/** The spec is the first thing that is said, and it is said once: notes wait for it, or for work that comes before it. */
export function specFirst(sink: EventSink): EventSink {
  let spec: string | undefined;
  let held: NoteEvent[] | null = [];
  const release = () => {
    for (const note of held ?? []) sink.emit(note);
    held = null;
  };
  return {
    emit(event) {
      if (event.kind === "note" && held) return void held.push(event);
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

/** One line a step; bytes are told at each tenth. */
function plainSink(write: (text: string) => void): EventSink {
  let last = "";
  return {
    emit(event) {
      const line = event.kind === "progress" ? progressLine(event, 10) : lineOf(event);
      if (line === null || (line === last && event.kind !== "log")) return;
      last = line;
      write(`${line}\n`);
    },
    done() {},
  };
}

/** Progress on a line that stays where it is. */
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

function progressLine({ text, done, total }: ProgressEvent, steps: number): string {
  if (done === undefined || total === undefined || total === 0) return oneLine(text);
  // a workspace's history comes on top of its files
  const part = Math.min(steps, Math.floor((done / total) * steps));
  return `${oneLine(text)} ${Math.round((part * 100) / steps)}%`;
}

function withBar({ text, done, total }: ProgressEvent, cols: number): string {
  const size =
    done === undefined ? "" : total ? ` ${formatSize(done)} of ${formatSize(total)}` : ` ${formatSize(done)}`;
  const bar = done !== undefined && total ? `${barOf(done / total)} ` : "";
  const line = oneLine(text);
  return `${bar}${line}${size}`.slice(0, Math.max(20, cols - 1));
}

function barOf(part: number): string {
  const full = Math.round(Math.min(1, Math.max(0, part)) * 20);
  return `[${"#".repeat(full)}${".".repeat(20 - full)}]`;
}

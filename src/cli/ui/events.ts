/** Events as a person or a program reads them: always on stderr for those with a guest's output on stdout. */

import { stripControl } from "../../base/text.ts";
import { formatSize } from "../../base/units.ts";
import type { WorkEvent } from "../../model/event.ts";

export type EventSink = {
  emit(event: WorkEvent): void;
  /** leaves the terminal's line clean */
  done(): void;
};

export type SinkOptions = {
  write(text: string): void;
  /** a line that is drawn over */
  terminal: boolean;
  cols: number;
  json: boolean;
};

export function eventSink(options: SinkOptions): EventSink {
  if (options.json) return { emit: (event) => options.write(`${JSON.stringify(event)}\n`), done: () => {} };
  return options.terminal ? liveSink(options) : plainSink(options.write);
}

/** One line a step; bytes are told at each tenth. */
function plainSink(write: (text: string) => void): EventSink {
  let last = "";
  return {
    emit(event) {
      const line = event.kind === "progress" ? progressLine(event, 10) : lineOf(event);
      if (line === null || line === last) return;
      last = line;
      write(`${line}\n`);
    },
    done() {},
  };
}

/** Progress on a line that stays where it is. */
function liveSink({ write, cols }: SinkOptions): EventSink {
  let drawn = false;
  const clear = () => {
    if (drawn) write("\r\x1b[K");
    drawn = false;
  };
  return {
    emit(event) {
      const line = event.kind === "progress" ? null : lineOf(event);
      if (line !== null) {
        clear();
        write(`${line}\n`);
      } else if (event.kind === "progress") {
        clear();
        write(withBar(event, cols));
        drawn = true;
      }
    },
    done: clear,
  };
}

function lineOf(event: WorkEvent): string | null {
  switch (event.kind) {
    case "spec":
      return `spec: ${event.text}`;
    case "note":
      return event.level === "warn" ? `warning: ${stripControl(event.text)}` : stripControl(event.text);
    default:
      return null;
  }
}

type Progress = WorkEvent & { kind: "progress" };

function progressLine(event: Progress, steps: number): string {
  const { text, done, total } = event;
  if (done === undefined) return stripControl(text);
  if (total === undefined || total === 0) return stripControl(text);
  // a workspace's history comes on top of its files
  const part = Math.min(steps, Math.floor((done / total) * steps));
  return `${stripControl(text)} ${Math.round((part * 100) / steps)}%`;
}

function withBar({ text, done, total }: Progress, cols: number): string {
  const size =
    done === undefined ? "" : total ? ` ${formatSize(done)} of ${formatSize(total)}` : ` ${formatSize(done)}`;
  const bar = done !== undefined && total ? `${barOf(done / total)} ` : "";
  return `${bar}${stripControl(text)}${size}`.slice(0, Math.max(20, cols - 1));
}

function barOf(part: number): string {
  const full = Math.round(Math.min(1, Math.max(0, part)) * 20);
  return `[${"#".repeat(full)}${".".repeat(20 - full)}]`;
}

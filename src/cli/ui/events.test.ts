/** The order of events: the spec comes first. */
import { expect, test } from "bun:test";
import { cellWidth } from "../../host/terminal/cells.ts";
import type { WorkEvent } from "../../model/event.ts";
import { eventSink, specFirst } from "./events.ts";

const note = (text: string): WorkEvent => ({ kind: "note", level: "warn", text });
const spec: WorkEvent = {
  kind: "spec",
  text: "2 vcpu",
  vcpu: 2,
  memoryMib: 1024,
  diskBytes: 1,
  image: "i",
  kernel: "k",
  network: { kind: "user", deny: [] },
  vmm: { driver: "qemu", why: "preferred" },
  provenance: {},
};
const progress = (text: string): WorkEvent => ({ kind: "progress", step: "build", text });

function said(events: WorkEvent[]): string[] {
  const parts: string[] = [];
  const write = (part: string) => void parts.push(part);
  const sink = specFirst(eventSink({ write, terminal: false, cols: () => 80, json: false }));
  for (const event of events) sink.emit(event);
  sink.done();
  return parts.join("").trimEnd().split("\n");
}

test("notes wait for the spec, and keep their order", () => {
  expect(said([note("a"), note("b"), spec, note("c")])).toEqual([
    "spec: 2 vcpu",
    "warning: a",
    "warning: b",
    "warning: c",
  ]);
});

test("progress before the spec is printed at once, and so are the notes before it", () => {
  expect(said([note("a"), progress("building"), spec])).toEqual(["warning: a", "building", "spec: 2 vcpu"]);
});

const copying = (done: number): WorkEvent => ({ kind: "progress", step: "w", text: "copying x", done, total: 200 });
const beginningMiddleEnd = ["copying x 0%", "copying x 50%", "copying x 100%"];
const counting = (at: number): WorkEvent => ({ kind: "progress", step: "disk", text: `copied ${at}.5 MiB` });

test("without a terminal a piece of work is three lines, however often it is reported and whatever is in between", () => {
  const events = Array.from({ length: 300 }, (_, at) => [copying(at), counting(at)]).flat();
  expect(said(events)).toEqual(
    expect.arrayContaining([...beginningMiddleEnd, "copied 0.5 MiB", "copied 1.5 MiB", "copied 2.5 MiB"]),
  );
  expect(said(events)).toHaveLength(6);
  expect(said([...events, { ...copying(1), text: "copying y" } as WorkEvent])).toHaveLength(7);
  expect(said([progress("booting"), note("a"), progress("booting")])).toHaveLength(2);
});

test("done is never more than the total", () => {
  const parts: string[] = [];
  for (const json of [true, false]) {
    const sink = eventSink({ write: (part) => void parts.push(part), terminal: true, cols: () => 80, json });
    sink.emit(copying(900));
    sink.done();
  }
  expect(parts.join("")).toContain('"done":200,"total":200');
  expect(parts.join("")).toContain("200 B of 200 B");
});

test.each(["日本語".repeat(40), "e\u0301".repeat(100), "👍".repeat(60)])(
  "a progress line is cut to the terminal's cells, so that it never wraps: %s",
  (text) => {
    let drawn = "";
    const write = (part: string) => {
      drawn += part;
    };
    const sink = eventSink({ write, terminal: true, cols: () => 40, json: false });
    sink.emit({ ...copying(100), text } as WorkEvent);
    const [line = ""] = drawn.slice(1).split("\u001b");
    expect(cellWidth(line)).toBeGreaterThanOrEqual(38);
    expect(cellWidth(line)).toBeLessThanOrEqual(39);
    expect(line.isWellFormed()).toBe(true);
  },
);

test("with --json there are at most ten progress events in any second, and the last one is among them", () => {
  const times: number[] = [];
  let now = 0;
  let text = "";
  const write = (part: string) => {
    times.push(now);
    text = part;
  };
  const sink = eventSink({ write, terminal: false, cols: () => 80, json: true, now: () => now });
  for (; now < 5000; now += 7) sink.emit(copying(now / 25));
  sink.emit(copying(200));
  sink.done();
  for (const from of times) expect(times.filter((at) => at >= from && at < from + 1000).length).toBeLessThanOrEqual(10);
  expect(times.length).toBeGreaterThan(40);
  expect(text).toContain('"done":200');
});

test("without a spec the notes are printed at the end", () => {
  expect(said([note("a")])).toEqual(["warning: a"]);
});

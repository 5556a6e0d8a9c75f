/** The order of what a creating command says: its spec first. */
import { expect, test } from "bun:test";
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

test("work that must come before the spec is not kept waiting, nor are the notes before it", () => {
  expect(said([note("a"), progress("building"), spec])).toEqual(["warning: a", "building", "spec: 2 vcpu"]);
});

test("without a spec the notes are said at the end", () => {
  expect(said([note("a")])).toEqual(["warning: a"]);
});

/**
 * Events: long work says what it does by these, the API carries them as NDJSON, `--json` prints them, and the terminal
 * renders them. Nothing else is a progress channel.
 */
import type { WireError } from "../base/errors/error.ts";
import type { NetworkSpec } from "./network.ts";
import type { TroubleKind, VmState } from "./vm.ts";

/** One step of long work. `done`/`total` in bytes when both are numbers, for a bar. */
export type ProgressEvent = { kind: "progress"; step: string; text: string; done?: number; total?: number };
/** A decision worth telling: which template, which fallback and why. `level` warn is printed even when quiet. */
export type NoteEvent = { kind: "note"; level: "info" | "warn"; text: string };
/** A line that a program in a guest said. */
export type LogEvent = { kind: "log" /** which of the work's steps, from 1 */; step: number; text: string };
/** The resolved spec, printed first by every creating command. */
export type SpecEvent = {
  kind: "spec";
  text: string;
  vcpu: number;
  memoryMib: number;
  diskBytes: number;
  image: string;
  kernel: string;
  network: NetworkSpec;
  provenance: Record<string, string>;
};
/** Where the time of finished work went, in the order in which it went by; for `banger bench`. */
export type TimingEvent = { kind: "timing"; phases: Phase[] };
export type Phase = { name: string /** a fraction perhaps */; ms: number };
/** A VM changed its state, or met a trouble. */
export type StateEvent = {
  kind: "state";
  id: string;
  name: string;
  state: VmState;
  reason: string;
  /** the state is as it was: this is what the VM has met, and `reason` tells it */
  trouble?: TroubleKind;
};
/** The last line of a stream that succeeded. */
export type ResultEvent<T> = { kind: "result"; value: T };
/** The last line of a stream that failed. */
export type ErrorEvent = { kind: "error"; error: WireError };

/** What work may emit while it runs; result and error are added where the stream ends. */
export type WorkEvent = ProgressEvent | NoteEvent | LogEvent | SpecEvent | TimingEvent | StateEvent;
export type StreamEvent<T = unknown> = WorkEvent | ResultEvent<T> | ErrorEvent;
/** Where work reports to. Never throws, never blocks. */
export type Emit = (event: WorkEvent) => void;

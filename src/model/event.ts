/**
 * Events report the progress of long work: the API carries them as NDJSON, `--json` prints them, and the terminal renders them. There
 * is no other progress channel.
 */
import type { WireError } from "../base/errors/error.ts";
import type { NetworkSpec } from "./network.ts";
import type { PortView } from "./ports.ts";
import type { TroubleKind, VmState } from "./vm.ts";
import type { VmmSpec } from "./vmm.ts";

/** One step of long work. `done`/`total` in bytes when both are numbers, for a bar. */
export type ProgressEvent = { kind: "progress"; step: string; text: string; done?: number; total?: number };
/** A decision that users should know of: which template, which fallback and why. `level` warn is printed even when quiet. */
export type NoteEvent = { kind: "note"; level: "info" | "warn"; text: string };
/** A line of output of a program in a guest. */
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
  vmm: VmmSpec;
  provenance: Record<string, string>;
};
/** The phases of finished work and their durations, in order; for `banger bench`. */
export type TimingEvent = { kind: "timing"; phases: Phase[] };
export type Phase = { name: string /** a fraction perhaps */; ms: number };
/** A VM changed its state, or had a trouble. */
export type StateEvent = {
  kind: "state";
  id: string;
  name: string;
  state: VmState;
  reason: string;
  /** a trouble that did not change the state; `reason` describes it */
  trouble?: TroubleKind;
};
/** A port of a guest became open on the host, or can't be, or is closed. */
export type PortEvent = {
  kind: "port";
  /** of the VM */
  id: string;
  name: string;
  port: PortView;
  /** for people: a program of the VM's user listens there, and it is news */
  isAnnounced: boolean;
};
/** The last line of a stream that succeeded. */
export type ResultEvent<T> = { kind: "result"; value: T };
/** The last line of a stream that failed. */
export type ErrorEvent = { kind: "error"; error: WireError };

/** What work can emit while it runs; the stream itself adds the result or the error. */
export type WorkEvent = ProgressEvent | NoteEvent | LogEvent | SpecEvent | TimingEvent | StateEvent;
export type StreamEvent<T = unknown> = WorkEvent | ResultEvent<T> | ErrorEvent;
/** Receives the events of work. Never throws, never blocks. */
export type Emit = (event: WorkEvent) => void;

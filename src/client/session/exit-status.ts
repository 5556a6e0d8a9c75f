/** The exit status of `vm run` and `vm exec`: the command's own, or 128 plus the number of the signal that ended it, as in shells. */
import { integerOf } from "../../base/untrusted-json.ts";
import type { Json } from "../../wire/agent/types.ts";

const numbers: Record<string, number> = { HUP: 1, INT: 2, QUIT: 3, TERM: 15 };
const sigpipe = 13;
/** for a command whose exit the guest did not report */
const unknownStatus = 255;

/** of a command whose output nobody reads: a local one would get SIGPIPE */
export const brokenPipeStatus = 128 + sigpipe;

/** Whether the signal asks a program to end. The other ones only inform it. */
export function asksToEnd(signal: string): boolean {
  return Object.hasOwn(numbers, signal);
}

/** of a session that a signal of ours ended */
export function signalStatus(signal: string): number {
  return 128 + (numbers[signal] ?? 15);
}

/** @param exit the guest's `exit` event: `code`, or `number` of a signal */
export function statusOfExit({ code, number }: Json): number {
  const signal = integerOf(number, 1, 64);
  return signal === null ? (integerOf(code, 0, 255) ?? unknownStatus) : 128 + signal;
}

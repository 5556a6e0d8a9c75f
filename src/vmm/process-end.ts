/** How the process of a VMM ended, in words. Pure. */
import type { VmExit } from "./driver.ts";

export type ProcessStatus = { exitCode: number | null; signal: string | null };

/** Whether the process crashed by a fault of its own, rather than being killed. */
export function hasCrashed({ signal }: ProcessStatus): boolean {
  return signal !== null && crashes.has(signal);
}

/** @param word the VMM's own last word; may be empty */
export function endInWords(program: string, { exitCode, signal }: ProcessStatus, word: string): string {
  const how = signal === null ? `${program} ended with status ${exitCode}` : killedBy(program, signal);
  return word ? `${how}: ${word}` : how;
}

/** For an end without any word of the VMM. @param status null: only the parent of a process learns it */
export function silentEnd(program: string, status: ProcessStatus | null): string {
  if (status === null)
    return `${program} crashed or was killed; its status is not known, as an earlier daemon had started it`;
  return `${program} ended without a message`;
}

/** A VMM that did not end before its host restarted has lost its power: it is not the VMM that failed. */
export function withHost(exit: VmExit, hasHostRestarted: boolean): VmExit {
  return hasHostRestarted && exit.kind === "vmm-died" ? { kind: "killed" } : exit;
}

function killedBy(program: string, signal: string): string {
  const reason = crashes.get(signal);
  if (reason !== undefined) return `${program} crashed (${signal}${reason && `, ${reason}`})`;
  if (signal === "SIGXFSZ") return `${program} was ended by SIGXFSZ: a file of this VM reached its size limit`;
  const hint = signal === "SIGKILL" ? ", by a user or because the host ran out of memory" : "";
  return `${program} was killed by ${signal}${hint}`;
}

/** Signals that a process causes itself (signal(7)), with what each says about the reason. */
const crashes = new Map([
  ["SIGABRT", "an assertion failed"],
  ["SIGBUS", "its memory could not be read from a file"],
  ["SIGFPE", ""],
  ["SIGILL", ""],
  ["SIGSEGV", ""],
  ["SIGSYS", "it made a system call that its sandbox forbids"],
  ["SIGTRAP", ""],
]);

/** Classifies how a VM ended, from QEMU's events, the status of its process and the last lines of the console. Pure. */
import type { VmExit } from "../driver.ts";

/** QMP's SHUTDOWN event. */
export type Shutdown = { guest: boolean; reason: string };

export type ExitFacts = {
  /** `kill()` was called by this process */
  killCalled: boolean;
  shutdown: Shutdown | null;
  /** the monitor was read to its end, so `shutdown` is set when the guest ended by itself */
  isWatched: boolean;
  /** null when unknown: an earlier daemon started the process */
  status: { exitCode: number | null; signal: string | null } | null;
  /** last lines, without control characters */
  console: readonly string[];
  vmmLog: readonly string[];
};

export function classifyExit(facts: ExitFacts): VmExit {
  const { shutdown, status } = facts;
  // QEMU can also crash while it exits, after the guest has ended
  if (status?.signal && crashes.has(status.signal) && !facts.killCalled) return byStatus(status, facts);
  if (shutdown?.guest) return byGuest(shutdown.reason, facts);
  if (facts.killCalled) return { kind: "killed" };
  if (shutdown !== null)
    return { kind: "vmm-died", reason: lastError(facts) || `QEMU was asked to stop (${shutdown.reason})` };
  if (status !== null && status.exitCode !== 0) return byStatus(status, facts);
  // the console alone proves little: the VMM can crash between the guest's last message and the reset
  const guessed = facts.isWatched && status === null ? null : byConsole(facts);
  return guessed ?? { kind: "vmm-died", reason: lastError(facts) || silentEnd(facts) };
}

function byGuest(reason: string, facts: ExitFacts): VmExit {
  if (reason === "guest-shutdown") return { kind: lastLinesMatch(facts, halted) ? "halt" : "poweroff" };
  if (reason === "guest-panic") return { kind: "panic", reason: panicReason(facts) ?? "the guest's kernel panicked" };
  if (reason !== "guest-reset" && reason !== "subsystem-reset") return { kind: "vmm-died", reason: `QEMU: ${reason}` };
  const panic = panicReason(facts);
  if (panic !== null) return { kind: "panic", reason: panic };
  return { kind: "reboot" };
}

function byStatus(status: { exitCode: number | null; signal: string | null }, facts: ExitFacts): VmExit {
  const word = lastError(facts);
  const how = status.signal === null ? `QEMU ended with status ${status.exitCode}` : killedBy(status.signal);
  return { kind: "vmm-died", reason: word ? `${how}: ${word}` : how };
}

function killedBy(signal: string): string {
  const reason = crashes.get(signal);
  if (reason !== undefined) return `QEMU crashed (${signal}${reason && `, ${reason}`})`;
  if (signal === "SIGXFSZ") return "QEMU was ended by SIGXFSZ: a file of this VM reached its size limit";
  const hint = signal === "SIGKILL" ? ", by a user or because the host ran out of memory" : "";
  return `QEMU was killed by ${signal}${hint}`;
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

function silentEnd({ status }: ExitFacts): string {
  // only the parent of a process learns its status
  if (status === null)
    return "QEMU crashed or was killed; its status is not known, as an earlier daemon had started it";
  return "QEMU ended without a message";
}

/** Judges by the console: the kernel prints its last message at any log level. */
function byConsole(facts: ExitFacts): VmExit | null {
  const panic = panicReason(facts);
  if (panic !== null) return { kind: "panic", reason: panic };
  if (lastLinesMatch(facts, /reboot: Power down/)) return { kind: "poweroff" };
  if (lastLinesMatch(facts, halted)) return { kind: "halt" };
  if (lastLinesMatch(facts, /reboot: (?:Restarting system|machine restart)/)) return { kind: "reboot" };
  return null;
}

const halted = /reboot: System halted/;

/** Only the last three lines count: earlier ones can be from any program. */
function lastLinesMatch(facts: ExitFacts, pattern: RegExp): boolean {
  return facts.console.slice(-3).some((line) => pattern.test(line));
}

function panicReason(facts: ExitFacts): string | null {
  const at = facts.console.findLastIndex((line) => /Kernel panic - not syncing|end Kernel panic/.test(line));
  if (at === -1) return null;
  const line =
    facts.console.find((candidate) => candidate.includes("Kernel panic - not syncing")) ?? facts.console[at] ?? "";
  const memory = /Out of memory|System is deadlocked on memory|invoked oom-killer/i;
  if (facts.console.slice(0, at + 1).some((candidate) => memory.test(candidate))) return "out of memory";
  return line.replace(/^.*Kernel panic - not syncing:\s*/, "").replace(/^\[[\d. ]+\]\s*/, "");
}

/** QEMU's last line on stderr, without the program's name. */
function lastError(facts: ExitFacts): string {
  const line = facts.vmmLog.at(-1) ?? "";
  return line.replace(/^(?:\S*\/)?qemu-system-\w+: /, "");
}

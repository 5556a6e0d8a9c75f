/** How a VM ended, told from what QEMU said, how its process ended and what the console's last lines are. Pure. */
import type { VmExit } from "../driver.ts";

/** QMP's SHUTDOWN event. */
export type Shutdown = { guest: boolean; reason: string };

export type ExitFacts = {
  /** `kill()` was called by this process */
  killCalled: boolean;
  shutdown: Shutdown | null;
  /** its monitor was read to the end, so a guest that ended has a `shutdown` */
  isWatched: boolean;
  /** null when unknown: the process was started by an earlier daemon */
  status: { exitCode: number | null; signal: string | null } | null;
  /** last lines, cleaned */
  console: readonly string[];
  vmmLog: readonly string[];
};

export function classifyExit(facts: ExitFacts): VmExit {
  const { shutdown, status } = facts;
  // also on its own way down, after the guest's end
  if (status?.signal && crashes.has(status.signal) && !facts.killCalled) return byStatus(status, facts);
  if (shutdown?.guest) return byGuest(shutdown.reason, facts);
  if (facts.killCalled) return { kind: "killed" };
  if (shutdown !== null)
    return { kind: "vmm-died", reason: lastWord(facts) || `QEMU was told to stop (${shutdown.reason})` };
  if (status !== null && status.exitCode !== 0) return byStatus(status, facts);
  // a guest prints its last words before its machine is reset, and the VMM may crash in between
  const guessed = facts.isWatched && status === null ? null : byConsole(facts);
  return guessed ?? { kind: "vmm-died", reason: lastWord(facts) || silentEnd(facts) };
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
  const word = lastWord(facts);
  const how = status.signal === null ? `QEMU ended with status ${status.exitCode}` : killedBy(status.signal);
  return { kind: "vmm-died", reason: word ? `${how}: ${word}` : how };
}

function killedBy(signal: string): string {
  const reason = crashes.get(signal);
  if (reason !== undefined) return `QEMU crashed (${signal}${reason && `, ${reason}`})`;
  if (signal === "SIGXFSZ") return "QEMU was ended by SIGXFSZ: a file of this VM reached its largest size";
  const hint = signal === "SIGKILL" ? ", by hand or because the host ran out of memory" : "";
  return `QEMU was ended from outside by ${signal}${hint}`;
}

/** Signals that a process brings upon itself (signal(7)), and what they say of the reason. */
const crashes = new Map([
  ["SIGABRT", "a check of its own failed"],
  ["SIGBUS", "its memory could not be read from a file"],
  ["SIGFPE", ""],
  ["SIGILL", ""],
  ["SIGSEGV", ""],
  ["SIGSYS", "it made a system call that its sandbox forbids"],
  ["SIGTRAP", ""],
]);

function silentEnd({ status }: ExitFacts): string {
  // only a process's parent is told how it ended
  if (status === null) return "QEMU crashed or was killed; how is not known, because an earlier daemon had started it";
  return "QEMU ended without a word";
}

/** Nothing but files is left to tell: the kernel's last words are always printed, whatever the log level. */
function byConsole(facts: ExitFacts): VmExit | null {
  const panic = panicReason(facts);
  if (panic !== null) return { kind: "panic", reason: panic };
  if (lastLinesMatch(facts, /reboot: Power down/)) return { kind: "poweroff" };
  if (lastLinesMatch(facts, halted)) return { kind: "halt" };
  if (lastLinesMatch(facts, /reboot: (?:Restarting system|machine restart)/)) return { kind: "reboot" };
  return null;
}

const halted = /reboot: System halted/;

/** The kernel's last words are within its last lines; earlier ones may be of anything. */
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

/** QEMU's last line on stderr, without its own name and time stamps. */
function lastWord(facts: ExitFacts): string {
  const line = facts.vmmLog.at(-1) ?? "";
  return line.replace(/^(?:\S*\/)?qemu-system-\w+: /, "");
}

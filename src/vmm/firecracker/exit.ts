/**
 * Classifies how a VM ended. Firecracker ends with status 0 when its guest resets the machine, whatever the guest meant by it: that
 * is on the console, in the kernel's last words. Pure.
 */
import { kernelsLastWord, panicReason } from "../console-end.ts";
import type { VmExit } from "../driver.ts";
import { endInWords, hasCrashed, type ProcessStatus, silentEnd } from "../process-end.ts";

export type ExitFacts = {
  /** `kill()` was called by this process */
  killCalled: boolean;
  /** the guest had halted, so this process ended its Firecracker */
  hasHalted: boolean;
  /** null when unknown: an earlier daemon started the process */
  status: ProcessStatus | null;
  /** last lines, without control characters */
  console: readonly string[];
  vmmLog: readonly string[];
  /** of its standard error */
  errors: readonly string[];
};

const program = "Firecracker";

export function classifyExit(facts: ExitFacts): VmExit {
  const status = faultOf(facts);
  const died = (how: ProcessStatus): VmExit => ({
    kind: "vmm-died",
    reason: endInWords(program, how, hasCrashed(how) ? "" : lastWord(facts)),
  });
  if (status !== null && hasCrashed(status) && !facts.killCalled) return died(status);
  if (facts.hasHalted) return { kind: "halt" };
  if (status?.exitCode === 0) return byReset(facts.console);
  if (facts.killCalled) return { kind: "killed" };
  if (status !== null) return died(status);
  return byConsole(facts.console) ?? { kind: "vmm-died", reason: lastWord(facts) || silentEnd(program, null) };
}

/** The guest has reset the machine. */
function byReset(console: readonly string[]): VmExit {
  return byConsole(console) ?? { kind: "reboot" };
}

function byConsole(console: readonly string[]): VmExit | null {
  const panic = panicReason(console);
  if (panic !== null) return { kind: "panic", reason: panic };
  const kind = kernelsLastWord(console);
  return kind && { kind };
}

/** Firecracker catches these signals and ends with a status of its own (FcExitCode in src/vmm/src/lib.rs). */
const caught: Record<number, string> = {
  148: "SIGSYS",
  149: "SIGBUS",
  150: "SIGSEGV",
  151: "SIGXFSZ",
  154: "SIGXCPU",
  155: "SIGPIPE",
  156: "SIGHUP",
  157: "SIGILL",
};

/** by number, for the signals above (signal(7), x86) */
const numbers: Record<number, string> = {
  1: "SIGHUP",
  4: "SIGILL",
  7: "SIGBUS",
  11: "SIGSEGV",
  13: "SIGPIPE",
  24: "SIGXCPU",
  25: "SIGXFSZ",
  31: "SIGSYS",
};

/** The process's status; for a caught signal that signal. Without a status, the log shows whether one was caught. */
function faultOf({ status, vmmLog }: ExitFacts): ProcessStatus | null {
  const code = status?.exitCode ?? null;
  const signal = code !== null ? caught[code] : undefined;
  if (signal !== undefined) return { exitCode: null, signal };
  if (status !== null) return status;
  const number = vmmLog.map((line) => /intercepting signal (\d+)/.exec(line)?.[1]).findLast(Boolean);
  const logged = numbers[Number(number)];
  return logged === undefined ? null : { exitCode: null, signal: logged };
}

/** Its last message that says more than that it ends: from the log, else from standard error. */
export function lastWord({ vmmLog, errors }: Pick<ExitFacts, "vmmLog" | "errors">): string {
  const said = vmmLog.map(withoutPrefix).findLast((line) => line !== "" && !/^(?:Running|Firecracker exit)/.test(line));
  return said ?? (errors.at(-1) ?? "").replace(/^Error: /, "");
}

/** `2026-11-30T11:43:55.123456789 [anonymous-instance:main] ` */
function withoutPrefix(line: string): string {
  return line.replace(/^\d{4}-\S+ \[[^\]]*\] /, "");
}

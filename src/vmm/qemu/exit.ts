/** Classifies how a VM ended, from QEMU's events, the status of its process and the last lines of the console. Pure. */
import { kernelsLastWord, panicReason } from "../console-end.ts";
import type { VmExit } from "../driver.ts";
import { endInWords, hasCrashed, type ProcessStatus, silentEnd } from "../process-end.ts";

/** QMP's SHUTDOWN event. */
export type Shutdown = { guest: boolean; reason: string };

export type ExitFacts = {
  /** `kill()` was called by this process */
  killCalled: boolean;
  shutdown: Shutdown | null;
  /** the monitor was read to its end, so `shutdown` is set when the guest ended by itself */
  isWatched: boolean;
  /** null when unknown: an earlier daemon started the process */
  status: ProcessStatus | null;
  /** last lines, without control characters */
  console: readonly string[];
  vmmLog: readonly string[];
};

export function classifyExit(facts: ExitFacts): VmExit {
  const { shutdown, status } = facts;
  const died = (how: ProcessStatus): VmExit => ({
    kind: "vmm-died",
    reason: endInWords("QEMU", how, lastError(facts)),
  });
  // QEMU can also crash while it exits, after the guest has ended
  if (status !== null && hasCrashed(status) && !facts.killCalled) return died(status);
  if (shutdown?.guest) return byGuest(shutdown.reason, facts);
  if (shutdown?.reason === internalError) return { kind: "vmm-died", reason: cantContinue(facts) };
  if (facts.killCalled) return { kind: "killed" };
  if (shutdown !== null)
    return { kind: "vmm-died", reason: lastError(facts) || `QEMU was asked to stop (${shutdown.reason})` };
  if (status !== null && status.exitCode !== 0) return died(status);
  // the console alone proves little: the VMM can crash between the guest's last message and the reset
  const guessed = facts.isWatched && status === null ? null : byConsole(facts.console);
  return guessed ?? { kind: "vmm-died", reason: lastError(facts) || silentEnd("QEMU", status) };
}

function byGuest(reason: string, { console }: ExitFacts): VmExit {
  const panic = panicReason(console);
  if (reason === "guest-shutdown") return { kind: kernelsLastWord(console) === "halt" ? "halt" : "poweroff" };
  if (reason === "guest-panic") return { kind: "panic", reason: panic ?? "the guest's kernel panicked" };
  if (reason !== "guest-reset" && reason !== "subsystem-reset") return { kind: "vmm-died", reason: `QEMU: ${reason}` };
  return panic === null ? { kind: "reboot" } : { kind: "panic", reason: panic };
}

function byConsole(console: readonly string[]): VmExit | null {
  const panic = panicReason(console);
  if (panic !== null) return { kind: "panic", reason: panic };
  const kind = kernelsLastWord(console);
  return kind && { kind };
}

/** Not one of QEMU's reasons: the run state after an error of its own or of KVM's (qapi/run-state.json) */
export const internalError = "internal-error";

/** What QEMU prints before the registers of the CPU: accel/kvm/kvm-all.c, target/i386/kvm/kvm.c */
const internalErrors =
  /^(?:KVM internal error|KVM: entry failed|KVM: unknown exit|error: kvm run failed|emulation failure)/;

function cantContinue({ vmmLog }: ExitFacts): string {
  const said = vmmLog.filter((line) => internalErrors.test(line));
  return `QEMU can't run the guest any further${said.length > 0 ? `: ${said.slice(-2).join(", ")}` : ""}`;
}

/** QEMU's last line on stderr, without the program's name. */
function lastError(facts: ExitFacts): string {
  const line = facts.vmmLog.at(-1) ?? "";
  return line.replace(/^(?:\S*\/)?qemu-system-\w+: /, "");
}

/** A program that starts others: it gets a process group of its own, and is ended with all of them. */
import { type PipedOptions, type PipedProcess, spawnPiped } from "./children.ts";

export interface ProcessGroup extends PipedProcess {
  /** SIGINT to all, as a terminal's ^C does, so that they clean up; after the grace period SIGKILL. Resolves when the first is gone. */
  interrupt(): Promise<void>;
}

const defaultGraceMs = 30_000;

/** As `spawnPiped`, but an aborted `signal` interrupts the whole group. */
export function spawnGroup(argv: readonly string[], options: PipedOptions & { graceMs?: number } = {}): ProcessGroup {
  const { signal, graceMs = defaultGraceMs, ...rest } = options;
  const process = spawnPiped(["setsid", ...argv], rest);
  let isOver = false;
  const over = process.done
    .catch(() => {})
    .then(() => {
      isOver = true;
    });
  const interrupt = async () => {
    if (isOver) return;
    signalGroup(process.pid, "SIGINT");
    const timer = setTimeout(() => signalGroup(process.pid, "SIGKILL"), graceMs);
    await over;
    clearTimeout(timer);
    // What its first process left running is not waited for, but ended.
    signalGroup(process.pid, "SIGKILL");
  };
  const onAbort = () => void interrupt();
  signal?.addEventListener("abort", onAbort, { once: true });
  void over.then(() => signal?.removeEventListener("abort", onAbort));
  if (signal?.aborted) onAbort();
  return { ...process, interrupt };
}

/** Before `setsid` has run there is no such group yet: then the one process is meant. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return;
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {}
  }
}

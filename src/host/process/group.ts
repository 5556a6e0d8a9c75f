/** A program that starts others: it gets a process group of its own, and all of it is ended together. */
import { type PipedOptions, type PipedProcess, spawnPiped } from "./children.ts";

export interface ProcessGroup extends PipedProcess {
  /** SIGINT to all, as ^C on a terminal, so that they clean up; SIGKILL after the grace period. Resolves when the first has ended. */
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
    // processes that the first one left running are ended, not waited for
    signalGroup(process.pid, "SIGKILL");
  };
  const onAbort = () => void interrupt();
  signal?.addEventListener("abort", onAbort, { once: true });
  void over.then(() => signal?.removeEventListener("abort", onAbort));
  if (signal?.aborted) onAbort();
  return { ...process, interrupt };
}

/** Before `setsid` has run there is no such group yet: then only the one process gets the signal. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid <= 1) return;
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch {}
  }
}

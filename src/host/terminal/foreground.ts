/** Job control, as a shell has it: the terminal belongs to one process group at a time, and only that one may read it or set its modes. */
import { foregroundGroup, ignoreTerminalInputSignal, ownGroup, terminalMode } from "../libc.ts";

/** A shell tells nobody that a job which runs is moved into the foreground: `ms` between two looks while it is not. */
const lookEveryMs = 250;

/** Whether the terminal on stdin is ours to use. One that is not our controlling terminal knows no foreground. */
export function isInForeground(): boolean {
  const group = foregroundGroup(0);
  return group === null || group === ownGroup();
}

/** Whether a descriptor that was a terminal has lost it: termios(3) fails then. */
export function hasHungUp(fd: number): boolean {
  return terminalMode(fd) === null;
}

/**
 * Calls the listener now, after each continuation (SIGCONT), and when the terminal has become ours; several times with the
 * same answer perhaps. From now on a read in the background fails with EIO instead of stopping this process.
 */
export function watchForeground(listener: (isForeground: boolean) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(timer);
    const isForeground = isInForeground();
    if (!isForeground) timer = setTimeout(look, lookEveryMs);
    listener(isForeground);
  };
  ignoreTerminalInputSignal();
  process.on("SIGCONT", look);
  look();
  return () => {
    clearTimeout(timer);
    process.off("SIGCONT", look);
  };
}

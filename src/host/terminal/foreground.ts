/** Job control: the terminal belongs to one process group at a time, and only that group can read it or set its modes. */
import { foregroundGroup, ignoreTerminalInputSignal, ownGroup, terminalMode } from "../libc.ts";

/** A running job is not notified when the shell moves it to the foreground: `ms` between two checks while it is in the background. */
const lookEveryMs = 250;

/** Whether this process may use the terminal on stdin. A terminal that is not our controlling one has no foreground. */
export function isInForeground(): boolean {
  const group = foregroundGroup(0);
  return group === null || group === ownGroup();
}

/** Whether a descriptor that was a terminal has hung up: termios(3) fails then. */
export function hasHungUp(fd: number): boolean {
  return terminalMode(fd) === null;
}

/**
 * Calls the listener now, after each SIGCONT, and when this process has moved to the foreground; possibly several times with the same
 * value. From now on a read in the background fails with EIO instead of stopping this process.
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

/** Signals of this process, for code that runs a command which should get them. */
import { readFileSync } from "node:fs";

/** Those that ask to end, and those that docker forwards to a container and the runtime does not use. */
const listened = [
  ...(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const),
  ...(["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH", "SIGIO"] as const),
];

/** the disposition before the first listener; null: not read yet */
let isHangupIgnored: boolean | null = null;

/**
 * While there is a listener, signals do not end the program. Under nohup(1) a hangup stays ignored, as in ssh.
 * @param listener gets names without `SIG`
 * @returns a function that removes the listener
 */
export function onSignals(listener: (signal: string) => void): () => void {
  isHangupIgnored ??= ignoresHangup();
  const stops = listened.map((signal) => {
    if (signal === "SIGHUP" && isHangupIgnored) return () => {};
    const take = () => listener(signal.slice(3));
    process.on(signal, take);
    return () => void process.off(signal, take);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

/** proc_pid_status(5): SigIgn is a hexadecimal mask, SIGHUP (1) its lowest bit. */
function ignoresHangup(): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n;
}

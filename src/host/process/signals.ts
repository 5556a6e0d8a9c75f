/** The signals of this process, for whoever runs a command that they are meant for. */
import { readFileSync } from "node:fs";

/** Those that ask to end, and those that docker hands on to a container and the runtime leaves to us. */
const listened = [
  ...(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const),
  ...(["SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH", "SIGIO"] as const),
];

/** As it was before the first listener; null: nobody has looked yet. */
let isHangupIgnored: boolean | null = null;

/**
 * While anyone listens, a signal does not end the program by itself. Under nohup(1) a hangup stays ignored, as ssh has it.
 * @param listener is told names without `SIG`
 * @returns what ends the listening
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

/** proc_pid_status(5): SigIgn is a mask in hexadecimal digits, SIGHUP (1) its lowest bit. */
function ignoresHangup(): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n;
}

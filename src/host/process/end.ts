/**
 * Hearing of the end of a process that is not our child: the kernel makes a pidfd readable then (pidfd_open(2)). The
 * runtime's event loop watches it as a socket; its first read fails, which closes it, which is the news.
 */
import { closeSync } from "node:fs";
import type { ProcessRef } from "../../base/process.ts";
import { pidfdOpen } from "../libc.ts";
import { isAlive } from "./children.ts";

/** for kernels or runtimes where the pidfd can't be watched */
const lookEveryMs = 250;

/** Resolves when `ref` runs no more, at once if it doesn't now. Waiting does not keep the program alive. */
export async function waitForExit(ref: ProcessRef): Promise<void> {
  const fd = pidfdOpen(ref.pid);
  // the start time is compared after the open: from here on the descriptor is that very process, or nobody
  if (!isAlive(ref)) return closeFd(fd);
  if (fd >= 0 && (await closedByEnd(fd))) {
    // readable means that the process is a zombie or gone; a stranger's error is not believed
    if (!isAlive(ref)) return;
  }
  await lookAgainAndAgain(ref);
}

/** False when the descriptor can't be watched. The socket owns it and closes it. */
async function closedByEnd(fd: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  try {
    const options = { fd, socket: { data() {}, error() {}, close: () => resolve(true) } };
    // the type declarations don't know `fd` without a host name
    const socket = await Bun.connect(options as unknown as Bun.TCPSocketConnectOptions);
    socket.unref();
  } catch {
    closeFd(fd);
    return false;
  }
  return promise;
}

function lookAgainAndAgain(ref: ProcessRef): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    if (isAlive(ref)) return;
    clearInterval(timer);
    resolve();
  }, lookEveryMs);
  timer.unref();
  return promise;
}

function closeFd(fd: number): void {
  if (fd >= 0) closeSync(fd);
}

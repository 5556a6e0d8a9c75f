/**
 * Waits for the end of a process that is not our child: the kernel then makes a pidfd readable (pidfd_open(2)). The runtime's event
 * loop watches the pidfd as a socket; the first read fails and closes the socket, which is the notification.
 */
import { closeSync } from "node:fs";
import type { ProcessRef } from "../../base/process.ts";
import { pidfdOpen } from "../libc.ts";
import { isAlive } from "./children.ts";

/** for kernels or runtimes where the pidfd can't be watched */
const lookEveryMs = 250;

/** Resolves when `ref` has ended, at once if it already has. Waiting does not keep the program alive. */
export async function waitForExit(ref: ProcessRef): Promise<void> {
  const fd = pidfdOpen(ref.pid);
  // the start time is compared after opening: from here on the descriptor refers to that very process, or to none
  if (!isAlive(ref)) return closeFd(fd);
  if (fd >= 0 && (await closedByEnd(fd))) {
    // closed because the process is a zombie or gone; the runtime can close it for another error too, so check
    if (!isAlive(ref)) return;
  }
  await lookAgainAndAgain(ref);
}

/** False when the descriptor can't be watched. The socket owns and closes it. */
async function closedByEnd(fd: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  try {
    const options = { fd, socket: { data() {}, error() {}, close: () => resolve(true) } };
    // the type declarations require a host name with `fd`
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

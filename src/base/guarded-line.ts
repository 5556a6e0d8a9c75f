/**
 * A byte stream whose listeners may throw: what the other end sent could not be taken, so the line ends with that error. Without this
 * it would reach the top of the process, for nothing is above a listener.
 */
import type { ByteStream } from "./bytes.ts";

export function guardedLine(line: ByteStream): ByteStream {
  const guarded =
    <A extends unknown[]>(listener: (...args: A) => void) =>
    (...args: A) => {
      try {
        listener(...args);
      } catch (error) {
        line.destroy(error instanceof Error ? error : new Error("a listener failed", { cause: error }));
      }
    };
  const { writeWith } = line;
  return {
    ...(writeWith && { writeWith: (descriptor, chunk) => writeWith.call(line, descriptor, chunk) }),
    onData: (listener) => line.onData(guarded(listener)),
    onEnd: (listener) => line.onEnd(guarded(listener)),
    // nothing is left to be ended: a failure of this one is a bug, and shown as such
    onClose: (listener) => line.onClose(listener),
    write: (chunk) => line.write(chunk),
    drained: () => line.drained(),
    pause: () => line.pause(),
    resume: () => line.resume(),
    end: () => line.end(),
    destroy: (error) => line.destroy(error),
  };
}

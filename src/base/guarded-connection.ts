/**
 * A byte stream whose listeners can throw: the connection is then destroyed with their error. Without this, the error would be an
 * uncaught exception, because nothing calls a listener but the runtime.
 */
import type { ByteStream } from "./bytes.ts";

export function guardedConnection(connection: ByteStream): ByteStream {
  const guarded =
    <A extends unknown[]>(listener: (...args: A) => void) =>
    (...args: A) => {
      try {
        listener(...args);
      } catch (error) {
        connection.destroy(error instanceof Error ? error : new Error("a listener failed", { cause: error }));
      }
    };
  const { writeWith, reset } = connection;
  return {
    ...(writeWith && { writeWith: (descriptor, chunk) => writeWith.call(connection, descriptor, chunk) }),
    ...(reset && { reset: () => reset.call(connection) }),
    onData: (listener) => connection.onData(guarded(listener)),
    onEnd: (listener) => connection.onEnd(guarded(listener)),
    // nothing is left to destroy: a failure of this one is a bug, and shown as one
    onClose: (listener) => connection.onClose(listener),
    write: (chunk) => connection.write(chunk),
    drained: () => connection.drained(),
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    end: () => connection.end(),
    destroy: (error) => connection.destroy(error),
  };
}

/** A stream that throws the signal's reason as soon as it is aborted, even while the source is silent. */
import { orAborted } from "../base/async.ts";

/** Asks the source to end, without waiting for it. */
export async function* abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T, void, void> {
  const iterator = source[Symbol.asyncIterator]();
  let isDone = false;
  try {
    for (;;) {
      const next = await orAborted(iterator.next(), signal);
      isDone = next.done === true;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    if (!isDone) leave(iterator);
  }
}

function leave(iterator: AsyncIterator<unknown>): void {
  Promise.resolve(iterator.return?.()).catch(() => {});
}

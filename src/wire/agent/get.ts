/** `get`: a file or folder of a guest as a tar stream. */
import type { AgentClient, Json } from "./types.ts";

/** `ms`; a guest can scan a whole folder before it answers. */
const openTimeoutMs = 120_000;

type Item = { chunk: Uint8Array; taken: () => void };

/**
 * The tar stream, in chunks that the reader owns. Reading slowly stops the guest from sending.
 * @throws AGENT_REFUSED, SESSION_LOST
 */
export async function* getTar(
  client: AgentClient,
  args: Json & { path: string },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const stream = await client.open("get", args, { signal, timeoutMs: openTimeoutMs });
  const items: Item[] = [];
  let wake = () => {};
  let isOver = false;
  stream.onData(
    (_, data) =>
      new Promise<void>((taken) => {
        items.push({ chunk: data.slice(), taken });
        wake();
      }),
  );
  // `closed` resolves after all data was taken
  const over = stream.closed.finally(() => {
    isOver = true;
    wake();
  });
  over.catch(() => {});
  const abort = () => stream.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    for (;;) {
      const item = items.shift();
      if (item) {
        yield item.chunk;
        item.taken();
      } else if (isOver) break;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
    await over;
    signal.throwIfAborted();
  } finally {
    signal.removeEventListener("abort", abort);
    stream.close();
    for (const item of items) item.taken();
  }
}

/** Every state change from now on. */
import { AsyncQueue } from "../../base/async.ts";
import type { StateEvent } from "../../model/event.ts";
import { ndjsonHeaders } from "../answers.ts";
import { special } from "../route.ts";

/** A reader that is this many events behind is disconnected: dropping events would leave gaps. */
const maxBehind = 4096;

export const eventRoutes = special("events", async ({ machines }, { exchange }) => {
  const queue = new AsyncQueue<StateEvent>(maxBehind);
  const unsubscribe = machines.subscribe((event) => {
    if (!queue.push(event)) queue.end();
  });
  exchange.signal.addEventListener("abort", () => queue.end(), { once: true });
  const stream = exchange.stream(200, ndjsonHeaders);
  try {
    for await (const event of queue) await stream.write(`${JSON.stringify(event)}\n`);
  } finally {
    unsubscribe();
    stream.end();
  }
});

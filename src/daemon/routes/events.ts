/** Every change of a VM's state or ports from now on. */
import { AsyncQueue } from "../../base/async.ts";
import type { PortEvent, StateEvent } from "../../model/event.ts";
import { ndjsonHeaders } from "../answers.ts";
import { special } from "../route.ts";

/** A reader that is this many events behind is disconnected: dropping events would leave gaps. */
const maxBehind = 4096;

export const eventRoutes = special("events", async ({ machines }, { exchange }) => {
  const queue = new AsyncQueue<StateEvent | PortEvent>(maxBehind);
  const take = (event: StateEvent | PortEvent) => void (queue.push(event) || queue.end());
  const unsubscribe = [machines.subscribe(take), machines.subscribePorts(take)];
  exchange.signal.addEventListener("abort", () => queue.end(), { once: true });
  const stream = exchange.stream(200, ndjsonHeaders);
  try {
    for await (const event of queue) await stream.write(`${JSON.stringify(event)}\n`);
  } finally {
    for (const end of unsubscribe) end();
    stream.end();
  }
});

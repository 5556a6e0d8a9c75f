/** A reader of events that does not keep up. */
import { expect, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import type { HttpExchange, HttpStream } from "../../host/net/http-server.ts";
import type { StateEvent } from "../../model/event.ts";
import type { Daemon } from "../daemon.ts";
import type { UseEntry } from "../in-use.ts";
import { eventRoutes } from "./events.ts";

/** How many of `count` events are written before the response ends; all but the first wait for the reader. */
async function written(count: number): Promise<{ lines: number; isCut: boolean }> {
  const [subscribed, begun, goOn] = [new Deferred<void>(), new Deferred<void>(), new Deferred<void>()];
  const gone = new AbortController();
  let send: (event: StateEvent) => void = () => {};
  let lines = 0;
  let isSubscribed = true;
  const stream: HttpStream = {
    async write() {
      lines++;
      begun.resolve();
      await goOn.promise;
    },
    end: () => {},
    break: () => {},
  };
  const subscribe = (listener: typeof send) => {
    send = listener;
    subscribed.resolve();
    return () => {
      isSubscribed = false;
    };
  };
  const subscribePorts = () => () => {};
  const daemon = { machines: { subscribe, subscribePorts } } as unknown as Daemon;
  const exchange = { signal: gone.signal, stream: () => stream } as unknown as HttpExchange;
  const over = eventRoutes.events(daemon, { exchange, name: "", use: {} as UseEntry });
  await subscribed.promise;
  send({} as StateEvent);
  await begun.promise;
  for (let sent = 1; sent < count; sent++) send({} as StateEvent);
  goOn.resolve();
  // a reader that was not disconnected stays until it leaves
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  const isCut = !isSubscribed;
  gone.abort();
  await over;
  return { lines, isCut };
}

test("4,096 events wait for a slow reader; with one more it is disconnected", async () => {
  expect(await written(1 + 4096)).toEqual({ lines: 4097, isCut: false });
  expect(await written(1 + 4097)).toEqual({ lines: 4097, isCut: true });
});

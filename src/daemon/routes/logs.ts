/** A VM's console or VMM log as bytes, exactly as they are on disk; the client must filter control characters. */
import { logSources } from "../../api/types.ts";
import { bytesHeaders } from "../answers.ts";
import { chosen } from "../query.ts";
import { special } from "../route.ts";

export const logRoutes = special("logsVm", async ({ machines, logs }, { exchange, name }) => {
  const source = chosen(exchange, "source", logSources);
  const { path, vm } = machines.logFile(name, source);
  const follows = exchange.query.get("follow") === "1";
  const over = new AbortController();
  const unsubscribe = machines.subscribe((event) => {
    if (event.id === vm.id && event.state === "deleting") over.abort();
  });
  const until = AbortSignal.any([exchange.signal, over.signal]);
  const stream = exchange.stream(200, bytesHeaders);
  try {
    for await (const chunk of follows ? logs.follow(path, until) : logs.read(path)) {
      await stream.write(chunk);
      if (exchange.signal.aborted) break;
    }
  } finally {
    unsubscribe();
    stream.end();
  }
});

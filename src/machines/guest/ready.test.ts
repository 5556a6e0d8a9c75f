/** Waiting for a guest's services: what remains when the answer is late. */
import { expect, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import type { AgentClient, AgentStream } from "../../wire/agent/types.ts";
import { depsOf, newHost, shortTimings } from "../testing/daemon.ts";
import type { GuestContext } from "./context.ts";
import { waitServices } from "./ready.ts";

test("when the answer comes after the timeout, its stream is closed", async () => {
  const opened = new Deferred<AgentStream>();
  const closed = new Deferred<void>();
  const client = { hello: { init: "systemd" }, open: () => opened.promise } as unknown as AgentClient;
  const guest = { name: "web", client, exit: new Promise<never>(() => {}) };
  const ctx = { timings: shortTimings, after: depsOf(newHost()).after } as unknown as GuestContext;
  const waiting = waitServices(ctx, guest, () => {}, new AbortController().signal);
  await expect(waiting).rejects.toMatchObject({ code: "SERVICES_LATE" });
  opened.resolve({ reply: {}, close: () => closed.resolve() } as unknown as AgentStream);
  await closed.promise;
});

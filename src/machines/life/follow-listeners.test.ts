import { expect, test } from "bun:test";
import { fail } from "../../base/errors/error.ts";
import { memoryLogger } from "../../host/testing/log.ts";
import type { Listening } from "../../network/ports/listeners.ts";
import type { AgentClient, AgentStream, Json } from "../../wire/agent/types.ts";
import { FakeTimers } from "../testing/timers.ts";
import { followListeners } from "./follow-listeners.ts";

/** An agent whose `ports` streams the test ends. */
function world({ refusal = null as Error | null } = {}) {
  const timers = new FakeTimers();
  const clock = { now: 0 };
  const streams: { tell(event: Json): void; end(): void; isClosed: boolean }[] = [];
  const seen: Listening[] = [];
  let sessions = 0;
  const client = {
    open: async () => {
      if (refusal) throw refusal;
      const { promise: closed, resolve } = Promise.withResolvers<void>();
      const mine = { tell: (_: Json) => {}, end: resolve, isClosed: false };
      streams.push(mine);
      return {
        closed,
        onEvent: (listener: (event: Json) => void) => {
          mine.tell = listener;
        },
        close: () => {
          mine.isClosed = true;
          resolve();
        },
      } as unknown as AgentStream;
    },
  } as unknown as AgentClient;
  const over = new AbortController();
  const deps = {
    log: memoryLogger(),
    now: () => clock.now,
    after: timers.after,
    client: async () => {
      sessions += 1;
      return client;
    },
  };
  const following = (first: AgentClient | null = null) =>
    followListeners(deps, first, over.signal, (listening) => void seen.push(listening));
  return { timers, clock, streams, seen, client, over, following, sessions: () => sessions };
}

const ports = (...all: number[]): Json => ({ event: "ports", listen: all.map((port) => ({ address: "::", port })) });
const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

test("reports until it is aborted, and closes its stream then", async () => {
  const { streams, seen, over, following } = world();
  const end = following();
  await turns();
  streams[0]?.tell(ports(80));
  streams[0]?.tell({ event: "something" });
  streams[0]?.tell(ports());
  expect(seen.map((one) => [...one.keys()])).toEqual([[80], []]);
  over.abort();
  await end;
  expect(streams[0]?.isClosed).toBe(true);
});

test("begins with the session that it is given: its request is sent at once", async () => {
  const { streams, client, over, following, sessions } = world();
  const end = following(client);
  expect([streams.length, sessions()]).toEqual([1, 0]);
  over.abort();
  await end;
});

test("a stream that is lost is opened again after a while", async () => {
  const { streams, timers, over, following, sessions } = world();
  const end = following();
  await turns();
  streams[0]?.end();
  await timers.fire(1000);
  await turns();
  expect([streams.length, sessions()]).toEqual([2, 2]);
  over.abort();
  await end;
});

test("an agent that reports too often is left alone for a minute", async () => {
  const { streams, seen, timers, clock, over, following } = world();
  const end = following();
  await turns();
  for (let at = 0; at < 1000; at++) streams[0]?.tell(ports(at + 1));
  expect([seen.length, streams[0]?.isClosed]).toEqual([20, true]);
  await turns();
  clock.now = 60_000;
  await timers.fire(60_000);
  await turns();
  streams[1]?.tell(ports(80));
  expect(seen.length).toBe(21);
  over.abort();
  await end;
});

test("reports that are spread over time are all taken", async () => {
  const { streams, seen, clock, over, following } = world();
  const end = following();
  await turns();
  for (let at = 0; at < 100; at++) {
    clock.now = at * 100;
    streams[0]?.tell(ports(at + 1));
  }
  expect(seen.length).toBe(100);
  over.abort();
  await end;
});

test("an agent without the verb is not asked again", async () => {
  const { following } = world({ refusal: fail("AGENT_REFUSED", { verb: "ports", reason: "no", code: "unsupported" }) });
  await following();
});

/** Commands whose daemon ends, resumed over the next session; the guest is in memory. */
import { expect, test } from "bun:test";
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { fail } from "../../base/errors/error.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "../../wire/agent/client.ts";
import type { ServedStream } from "../../wire/agent/served.ts";
import type { Stream } from "../../wire/agent/stream.ts";
import { fakeAgent } from "../../wire/agent/testing/fake.ts";
import type { AgentClient, Json } from "../../wire/agent/types.ts";
import { type CommandStream, openCommand } from "./command-stream.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** Each session serves `exec` or `resume` by the next of `turns`; `drop` ends the present session. */
function guest(turns: ((served: ServedStream) => void)[]) {
  const requests: Json[] = [];
  let line: ByteStream | null = null;
  const next = (served: ServedStream) => {
    requests.push(served.request);
    turns.shift()?.(served);
  };
  const connect = (): AgentClient => {
    const [ours, theirs] = memoryPair();
    line = theirs;
    fakeAgent(theirs, { plain: true, verbs: { exec: next, resume: next } });
    return plainClient(ours, "devbox");
  };
  return { requests, connect, drop: () => line?.destroy(), reopened: 0 };
}

function accept(served: ServedStream, reply: Json): Stream {
  const stream = served.accept(reply);
  stream.closed.catch(() => {});
  return stream;
}

async function begin(turns: ((served: ServedStream) => void)[], reopens = true) {
  const world = guest(turns);
  const seen = { stdout: "", stderr: "", exit: null as Json | null };
  const reopen = async () => {
    world.reopened += 1;
    return world.connect();
  };
  const options = { signal: new AbortController().signal, ...(reopens ? { reopen } : {}) };
  const stream = await openCommand(world.connect(), { argv: ["x"] }, options);
  stream.onEvent((event) => {
    seen.exit = event;
  });
  stream.onData(async (channel, data) => {
    const text = Buffer.from(data).toString();
    await new Promise((resolve) => setImmediate(resolve));
    seen[channel === 2 ? "stderr" : "stdout"] += text;
  });
  return { world, stream, seen };
}

const resumable = { pid: 1, resumable: true };

test("output is delivered once, in order, and the exit ends the stream", async () => {
  const dropped = new Deferred<void>();
  const { world, stream, seen } = await begin([
    async (served) => {
      const first = accept(served, resumable);
      await first.write(1, bytes("one\n"));
      await first.write(2, bytes("err"));
      await settled();
      world.drop();
      dropped.resolve();
    },
    async (served) => {
      const second = accept(served, { stdin: 0, signals: 0 });
      await second.write(1, bytes("two\n"));
      second.event({ event: "exit", code: 3 });
    },
  ]);
  await dropped.promise;
  await stream.closed;
  expect(seen).toEqual({ stdout: "one\ntwo\n", stderr: "err", exit: { event: "exit", code: 3 } });
  expect(world.requests).toEqual([
    { verb: "exec", argv: ["x"], resumable: expect.stringMatching(/^[0-9a-f]{32}$/) },
    { verb: "resume", token: world.requests[0]?.["resumable"], stdout: 4, stderr: 3 },
  ]);
});

test("input, its end, signals and the window size that the guest missed are sent again, once", async () => {
  const got: (string | Json)[] = [];
  const end = new Deferred<void>();
  const { world, stream } = await begin([
    (served) => void accept(served, resumable),
    (served) => {
      const second = accept(served, { stdin: 1, signals: 1 });
      second.onData((_channel, data) => void got.push(Buffer.from(data).toString()));
      second.onEvent((event) => void got.push(event));
      second.onEof(() => {
        got.push("end");
        end.resolve();
      });
    },
  ]);
  await stream.write(0, bytes("abc"));
  stream.event({ event: "signal", signal: "USR1" });
  stream.event({ event: "resize", cols: 1, rows: 1 });
  stream.event({ event: "signal", signal: "USR2" });
  world.drop();
  stream.event({ event: "resize", cols: 2, rows: 2 });
  stream.event({ event: "signal", signal: "INT" });
  const written = stream.write(0, bytes("de"));
  stream.eof(0);
  await Promise.all([written, end.promise]);
  expect(got.filter((item) => typeof item !== "string")).toEqual([
    { event: "resize", cols: 2, rows: 2 },
    { event: "signal", signal: "USR2" },
    { event: "signal", signal: "INT" },
  ]);
  expect(got.filter((item) => typeof item === "string").join("")).toBe("bcdeend");
  stream.close();
});

test("several daemons can end, one after the other", async () => {
  const { world, stream, seen } = await begin([
    (served) => {
      accept(served, resumable);
      world.drop();
    },
    () => world.drop(),
    (served) => {
      accept(served, { stdin: 0, signals: 0 });
      world.drop();
    },
    (served) => accept(served, { stdin: 0, signals: 0 }).event({ event: "exit", code: 9 }),
  ]);
  await stream.closed;
  expect([seen.exit, world.reopened]).toEqual([{ event: "exit", code: 9 }, 3]);
});

test("a command is given up after twenty sessions that ended at once", async () => {
  const { world, stream } = await begin([
    (served) => {
      accept(served, resumable);
      world.drop();
    },
    ...Array.from({ length: 30 }, (_, at) => (served: ServedStream) => {
      if (at % 2 === 0) accept(served, { stdin: 0, signals: 0 });
      world.drop();
    }),
  ]);
  expect(await codeOf(stream)).toBe("SESSION_LOST");
  expect(world.reopened).toBe(20);
});

test("with an agent that does not keep commands, or without the VM, the session is lost", async () => {
  const old = await begin([(served) => void accept(served, { pid: 1 })]);
  old.world.drop();
  expect([await codeOf(old.stream), old.world.reopened]).toEqual(["SESSION_LOST", 0]);
  const gone = await begin([
    (served) => void accept(served, resumable),
    (served) => served.refuse("gone", "there is no such program any more"),
  ]);
  gone.world.drop();
  expect([await codeOf(gone.stream), gone.world.reopened]).toEqual(["SESSION_LOST", 1]);
  const without = await begin([(served) => void accept(served, { pid: 1 })], false);
  expect(without.world.requests).toEqual([{ verb: "exec", argv: ["x"] }]);
  without.world.drop();
  expect(await codeOf(without.stream)).toBe("SESSION_LOST");
});

test("a guest that acknowledges more than was sent is refused", async () => {
  for (const reply of [{ stdin: 4, signals: 0 }, { stdin: -1, signals: 0 }, { stdin: 0 }, { stdin: 0, signals: 2 }]) {
    const { world, stream } = await begin([
      (served) => void accept(served, resumable),
      (served) => void accept(served, reply),
    ]);
    await stream.write(0, bytes("abc"));
    stream.event({ event: "signal", signal: "USR1" });
    world.drop();
    expect(await codeOf(stream)).toBe("SESSION_LOST");
  }
});

test("a write waits while there is no session; closing the stream stops the attempts to resume", async () => {
  const asked = new Deferred<AbortSignal>();
  const world = guest([(served) => void accept(served, resumable)]);
  const reopen = async (signal: AbortSignal): Promise<never> => {
    asked.resolve(signal);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    throw fail("DAEMON_UNREACHABLE", { socket: "s", reason: "r" });
  };
  const options = { signal: new AbortController().signal, reopen };
  const stream = await openCommand(world.connect(), { argv: ["x"] }, options);
  world.drop();
  const signal = await asked.promise;
  let isWritten = false;
  const written = stream.write(0, bytes("abc"))?.then(() => {
    isWritten = true;
  });
  await settled();
  expect([isWritten, signal.aborted]).toEqual([false, false]);
  stream.close();
  expect(signal.aborted).toBe(true);
  await written;
});

async function codeOf(stream: CommandStream): Promise<string> {
  return stream.closed.then(
    () => "closed",
    (error) => error.code,
  );
}

async function settled(): Promise<void> {
  for (let at = 0; at < 20; at++) await new Promise((resolve) => setImmediate(resolve));
}

/** The programs of the fake guest. */
import { Deferred } from "../../../base/async.ts";
import type { ExecExit } from "../types.ts";
import type { FakeCommand } from "./fake.ts";

const encoder = new TextEncoder();

/** Copies input to output until the input ends. */
const cat: FakeCommand = async (stream) => {
  const ended = new Deferred<ExecExit>();
  stream.onEvent((event) => {
    if (event["event"] === "signal") ended.resolve(signalled(event["signal"]));
  });
  stream.onClosing(() => ended.resolve(signalled("HUP")));
  stream.onEof(() => ended.resolve({ code: 0 }));
  stream.onData((_channel, data) => stream.write(1, data));
  return ended.promise;
};

/** Waits for a signal or the end of its session. */
const sleep: FakeCommand = async (stream) => {
  const ended = new Deferred<ExecExit>();
  stream.onEvent((event) => {
    if (event["event"] === "signal") ended.resolve(signalled(event["signal"]));
  });
  stream.onClosing(() => ended.resolve(signalled("HUP")));
  return ended.promise;
};

export const fakeCommands: Record<string, FakeCommand> = {
  true: async () => ({ code: 0 }),
  false: async () => ({ code: 1 }),
  exit: async (_stream, request) => ({ code: Number(request.argv?.[1] ?? 0) }),
  echo: async (stream, request) => {
    await stream.write(1, encoder.encode(`${request.argv?.slice(1).join(" ")}\n`));
    return { code: 0 };
  },
  cat,
  sleep,
};

const numbers: Record<string, number> = { HUP: 1, INT: 2, QUIT: 3, KILL: 9, TERM: 15 };

function signalled(signal: unknown): ExecExit {
  const name = typeof signal === "string" ? signal : "TERM";
  return { signal: name, number: numbers[name] ?? 15 };
}

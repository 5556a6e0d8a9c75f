import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Deferred } from "../base/async.ts";
import type { ByteStream } from "../base/bytes.ts";
import { memoryLogger } from "../host/testing/log.ts";
import { memoryPair } from "../host/testing/memory-pair.ts";
import { decodeBody, encodeFrame, FrameReader } from "../wire/helper/frames.ts";
import { type HelperRequest, maxFrame } from "../wire/helper/verbs.ts";
import { HelperError } from "./helper-error.ts";
import { maxConnections, Server, type ServerDeps } from "./server.ts";

const daemon = { pid: 4711, uid: 1000 };

function served(options: Partial<ServerDeps> = {}) {
  const log = memoryLogger();
  const server = new Server({
    refusal: async ({ uid }) => (uid === 1000 ? null : `its uid is ${uid}`),
    nameOf: async () => "bangerd",
    handle: async (request) => ({ did: request.verb }),
    log,
    stallMs: 60_000,
    ...options,
  });
  const logged = (text: string) => log.lines.map((line) => JSON.parse(line)).filter((entry) => entry.text === text);
  return { server, logged };
}

/** The client's end of a connection: what was answered so far, and its end. */
function client(server: Server, caller = daemon) {
  const [near, far] = memoryPair();
  const reader = new FrameReader();
  const answers: unknown[] = [];
  const waiting: { count: number; done: Deferred<void> }[] = [];
  const closed = new Deferred<void>();
  near.onData((chunk) => {
    answers.push(...reader.push(chunk).map(decodeBody));
    for (const one of waiting) if (answers.length >= one.count) one.done.resolve();
  });
  near.onClose(() => closed.resolve());
  const accepted = server.accept(far, caller);
  return {
    stream: near as ByteStream,
    answers,
    accepted,
    closed: closed.promise,
    send: (value: unknown) => near.write(encodeFrame(value)),
    async until(count: number): Promise<unknown[]> {
      const done = new Deferred<void>();
      waiting.push({ count, done });
      if (answers.length >= count) done.resolve();
      await done.promise;
      return answers;
    },
  };
}

describe("requests", () => {
  test("are answered in their order, also those that came together", async () => {
    const { server, logged } = served();
    const { send, until } = client(server);
    for (const id of [5, 6, 7]) send({ id, verb: "status" });
    expect(await until(3)).toEqual([5, 6, 7].map((id) => ({ id, result: { did: "status" } })));
    expect(logged("did")).toHaveLength(3);
    expect(logged("did")[0]).toMatchObject({ ...daemon, program: "bangerd", verb: "status" });
  });

  test("are carried out one after another", async () => {
    const turns: string[] = [];
    const gate = new Deferred<void>();
    const handle = async ({ verb }: HelperRequest) => {
      turns.push(`begin ${verb}`);
      await gate.promise;
      turns.push(`end ${verb}`);
      return {};
    };
    const { server } = served({ handle });
    const { send, until } = client(server);
    send({ id: 1, verb: "nat.ensure" });
    send({ id: 2, verb: "status" });
    gate.resolve();
    await until(2);
    expect(turns).toEqual(["begin nat.ensure", "end nat.ensure", "begin status", "end status"]);
  });

  test("a refused one is logged with who asked, and the next is served", async () => {
    const { server, logged } = served();
    const { send, until } = client(server);
    send({ id: 1, verb: "shell.run" });
    send({ id: 2, verb: "status" });
    expect(await until(2)).toMatchObject([
      { id: 1, error: { kind: "refused" } },
      { id: 2, result: {} },
    ]);
    expect(logged("refused a request")).toMatchObject([{ ...daemon, why: "there is no such verb" }]);
  });

  test("a failure is answered with its kind, a bug without its stack", async () => {
    const failures = [new HelperError("clash", "in use", "172.17.0.1/24"), new Error("boom")];
    const { server } = served({
      handle: async () => {
        throw failures.shift();
      },
    });
    const { send, until } = client(server);
    send({ id: 1, verb: "status" });
    send({ id: 2, verb: "status" });
    expect(await until(2)).toEqual([
      { id: 1, error: { kind: "clash", message: "in use", free: "172.17.0.1/24" } },
      { id: 2, error: { kind: "failed", message: "internal error: boom" } },
    ]);
  });

  test("one whose client has gone is done to its end", async () => {
    const [begun, gate, done] = [new Deferred<void>(), new Deferred<void>(), new Deferred<void>()];
    const handle = async () => {
      begun.resolve();
      await gate.promise;
      done.resolve();
      return {};
    };
    const { server } = served({ handle });
    const { send, stream } = client(server);
    send({ id: 1, verb: "status" });
    await begun.promise;
    stream.destroy();
    gate.resolve();
    await done.promise;
  });

  test("a client that sends no more gets its answers first", async () => {
    const { server } = served();
    const { send, stream, closed, answers } = client(server);
    send({ id: 1, verb: "status" });
    stream.end();
    await closed;
    expect(answers).toEqual([{ id: 1, result: { did: "status" } }]);
  });
});

describe("a connection is closed, and who it was is logged:", () => {
  const head = (length: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(length);
    return bytes;
  };
  const body = (text: string) => Buffer.concat([head(Buffer.byteLength(text)), Buffer.from(text)]);
  test.each([
    ["a frame that is too long", head(maxFrame + 1)],
    ["a frame of no bytes", head(0)],
    ["what is not JSON", body("{")],
    ["a request without an id", body('{"verb":"status"}')],
    ["HTTP", Buffer.from("GET / HTTP/1.1\r\n\r\n")],
  ])("%s", async (_, bytes) => {
    const { server, logged } = served();
    const { stream, closed, answers } = client(server);
    stream.write(bytes);
    await closed;
    expect(answers).toEqual([]);
    expect(logged("closed a connection")).toMatchObject([daemon]);
  });

  test("a frame that never becomes complete, however slowly it comes", async () => {
    const { server, logged } = served({ stallMs: 5 });
    const { stream, closed } = client(server);
    stream.write(encodeFrame({ id: 1, verb: "status" }).subarray(0, 9));
    await closed;
    expect(logged("closed a connection")).toMatchObject([{ why: "a frame did not become complete in time" }]);
  });

  test("a client that does not read its answers", async () => {
    const { server, logged } = served({ stallMs: 5, handle: async () => ({ much: "x".repeat(16_000) }) });
    const { stream, closed, accepted } = client(server);
    await accepted;
    stream.pause();
    for (let id = 0; id < 100; id++) stream.write(encodeFrame({ id, verb: "status" }));
    while (logged("closed a connection").length === 0) await new Promise((resolve) => setImmediate(resolve));
    stream.resume();
    await closed;
    expect(logged("closed a connection")).toMatchObject([{ why: "an answer was not read in time" }]);
  });

  test("whatever bytes come", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const { server } = served();
        const { stream, closed } = client(server);
        stream.write(bytes);
        stream.end();
        await closed;
      }),
    );
  });
});

describe("connections", () => {
  test("a process that is refused is not read from, and is logged", async () => {
    const { server, logged } = served();
    const stranger = client(server, { pid: 99, uid: 1001 });
    stranger.send({ id: 1, verb: "status" });
    await stranger.closed;
    expect(stranger.answers).toEqual([]);
    expect(logged("refused a connection")).toMatchObject([
      { pid: 99, uid: 1001, program: "bangerd", why: "its uid is 1001" },
    ]);
    expect(logged("did")).toEqual([]);
  });

  test("an admission that can't be decided is a refusal", async () => {
    const { server, logged } = served({ refusal: () => Promise.reject(new Error("no answer")) });
    await client(server).closed;
    expect(logged("refused a connection")).toMatchObject([{ why: expect.stringContaining("can't be checked") }]);
  });

  test("of a thousand, a few are served; the rest are refused, few of them in the log", async () => {
    const { server, logged } = served();
    const all = Array.from({ length: 1000 }, () => client(server));
    await Promise.all(all.slice(maxConnections).map(({ closed }) => closed));
    expect(logged("refused a connection").length).toBeLessThan(50);
    for (const one of all.slice(0, maxConnections)) {
      one.send({ id: 1, verb: "status" });
      expect(await one.until(1)).toHaveLength(1);
      one.stream.destroy();
      await one.closed;
    }
    const next = client(server);
    next.send({ id: 2, verb: "status" });
    expect(await next.until(1)).toMatchObject([{ id: 2 }]);
  });

  test("all end when the server closes", async () => {
    const { server } = served();
    const { accepted, closed } = client(server);
    await accepted;
    server.close();
    await closed;
  });
});

/** The server on a unix socket against clients that disconnect, stall and lie. For the limits themselves see `http-limits.test.ts`. */
import { afterAll, expect, test } from "bun:test";
import net from "node:net";
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { tempFolder } from "../testing/temp.ts";
import { defaultLimits, type HttpExchange, type HttpOptions, serveHttp } from "./http-server.ts";

const folder = tempFolder("http");
afterAll(() => folder[Symbol.dispose]());

/** Longer than any test may take: a test that waits for one of these timeouts hangs. */
const ages = 600_000;
const patient = { ...defaultLimits, headersMs: ages, idleMs: ages, bodyMs: ages, lingerMs: ages };

let count = 0;
async function serve(handle: HttpOptions["handle"], options: Partial<HttpOptions> = {}) {
  const path = `${folder.path}/${count++}`;
  const server = await serveHttp(path, { admit: () => null, refusal: () => "", limits: patient, handle, ...options });
  return { path, server, [Symbol.asyncDispose]: () => server.close() };
}

/** A raw connection. Without `allowHalfOpen` it ends when the server ends it. */
function connect(path: string, bytes: string, options: Partial<net.NetConnectOpts> = {}) {
  const socket = net.connect({ path, ...options } as net.NetConnectOpts, () => socket.write(bytes));
  const closed = new Deferred<void>();
  const world = { socket, received: "", closed: closed.promise, until };
  const waiting = new Map<string, Deferred<void>>();
  const look = () => {
    for (const [text, found] of waiting) if (world.received.includes(text)) found.resolve();
  };
  socket.on("data", (chunk) => {
    world.received += chunk.toString("latin1");
    look();
  });
  socket.on("error", () => {});
  socket.on("close", () => closed.resolve());
  function until(text: string): Promise<void> {
    const found = new Deferred<void>();
    waiting.set(text, found);
    look();
    return found.promise;
  }
  return world;
}

const get = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";
const post = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";

test.each([get, post])("requests on one connection are answered one after the other: %j", async (request) => {
  let served = 0;
  await using world = await serve(async (exchange) => {
    if (exchange.method === "POST") await exchange.readBody(10);
    exchange.answer(200, {}, `answer ${++served}.`);
  });
  const client = connect(world.path, request);
  for (const number of [1, 2, 3]) {
    await client.until(`answer ${number}.`);
    client.socket.write(request);
  }
  client.socket.destroy();
});

test("answering without reading the body closes the connection once the body has arrived", async () => {
  await using world = await serve(async (exchange) => exchange.answer(413, {}, "too much"));
  const client = connect(world.path, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nhe");
  await client.until("too much");
  expect(client.received.toLowerCase()).toContain("connection: close");
  client.socket.write("re");
  await client.closed;
});

test("a client that does not send the rest of such a body is disconnected after a while", async () => {
  const limits = { ...patient, lingerMs: 20 };
  await using world = await serve(async (exchange) => exchange.answer(413, {}, "too much"), { limits });
  const client = connect(world.path, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n");
  await client.until("too much");
  await client.closed;
});

test("a partly read body leaves the connection open until the rest has arrived", async () => {
  await using world = await serve(async (exchange) => {
    const isTooLong = await exchange.readBody(1).then(
      () => false,
      () => true,
    );
    exchange.answer(200, {}, isTooLong ? "too long" : "read");
  });
  const client = connect(world.path, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nhe");
  await client.until("too long");
  // enough time for the server to have served another client
  const other = connect(world.path, get);
  await other.until("read");
  other.socket.destroy();
  expect(client.socket.readyState).toBe("open");
  client.socket.write("re");
  await client.closed;
});

test("a body that takes too long cuts the connection, which does not count as a lost client", async () => {
  const outcome = new Deferred<[code: string, signal: AbortSignal]>();
  const handle = async (exchange: HttpExchange) => {
    const code = await exchange.readBody(10).then(String, (error: unknown) => (error as { code: string }).code);
    exchange.answer(400, {}, "too slow");
    outcome.resolve([code, exchange.signal]);
  };
  await using world = await serve(handle, { limits: { ...patient, bodyMs: 20 } });
  const client = connect(world.path, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nhe");
  const [code, signal] = await outcome.promise;
  await client.closed;
  expect([code, signal.aborted]).toEqual(["REQUEST_INVALID", false]);
});

test("invalid HTTP is refused, and disconnected when more of it comes", async () => {
  await using world = await serve(async (exchange) => exchange.answer(200, {}, "fine"));
  const client = connect(world.path, "garbage\r\n\r\n", { allowHalfOpen: true });
  await client.until("400 Bad Request");
  client.socket.write("more\r\n\r\n");
  // the server reads that before it answers another client
  const other = connect(world.path, get);
  await other.until("fine");
  other.socket.destroy();
  // only a write shows that the server is gone
  client.socket.write("more\r\n\r\n");
  await client.closed;
});

test("an answer whose body was read leaves the connection open", async () => {
  await using world = await serve(async (exchange) => {
    await exchange.readBody(10);
    exchange.answer(200, {}, "fine");
  });
  const client = connect(world.path, post);
  await client.until("fine");
  expect(client.received.toLowerCase()).not.toContain("connection: close");
  client.socket.destroy();
});

test("a client's disconnect is noticed, and later writes to it are dropped", async () => {
  const done = new Deferred<string>();
  await using world = await serve(async (exchange) => {
    const stream = exchange.stream(200, {});
    await stream.write("begin");
    await new Promise((resolve) => exchange.signal.addEventListener("abort", resolve));
    await stream.write("more");
    stream.end();
    await stream.write("after the end");
    done.resolve((exchange.signal.reason as Error).message);
  });
  const client = connect(world.path, get);
  await client.until("begin");
  client.socket.destroy();
  expect(await done.promise).toBe("the client went away");
});

test("an answer for a disconnected client is dropped", async () => {
  const done = new Deferred<boolean>();
  await using world = await serve(async (exchange) => {
    await new Promise((resolve) => exchange.signal.addEventListener("abort", resolve));
    exchange.answer(200, {}, "nobody reads this");
    done.resolve(exchange.answered);
  });
  const client = connect(world.path, get);
  client.socket.on("connect", () => setImmediate(() => client.socket.destroy()));
  expect(await done.promise).toBe(true);
});

test("a complete answer does not count as a lost client", async () => {
  const exchanges: HttpExchange[] = [];
  await using world = await serve(async (exchange) => {
    exchanges.push(exchange);
    exchange.answer(200, {}, "fine");
  });
  const client = connect(world.path, get);
  await client.until("fine");
  client.socket.destroy();
  await client.closed;
  const other = connect(world.path, get);
  await other.until("fine");
  expect(exchanges[0]?.signal.aborted).toBe(false);
  other.socket.destroy();
});

test("a slow reader blocks the writer", async () => {
  const begun = new Deferred<void>();
  const all = new Deferred<void>();
  let isDone = false;
  await using world = await serve(async (exchange) => {
    const stream = exchange.stream(200, {});
    begun.resolve();
    for (let piece = 0; piece < 64; piece++) await stream.write(new Uint8Array(256 * 1024));
    isDone = true;
    stream.end();
    all.resolve();
  });
  const client = connect(world.path, get);
  client.socket.pause();
  await begun.promise;
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(isDone).toBe(false);
  client.socket.resume();
  await all.promise;
  client.socket.destroy();
});

test("a server that closes ends every connection, and aborts nothing", async () => {
  const begun = new Deferred<HttpExchange>();
  const world = await serve(async (exchange) => {
    exchange.stream(200, {}).write("begin");
    begun.resolve(exchange);
  });
  const busy = connect(world.path, get);
  const idle = connect(world.path, "");
  await busy.until("begin");
  const { signal } = await begun.promise;
  await world.server.close();
  await Promise.all([busy.closed, idle.closed]);
  expect(signal.aborted).toBe(false);
});

test("a client that does not read to the end is disconnected after a while", async () => {
  const limits = { ...patient, lingerMs: 20 };
  const world = await serve(async (exchange) => void exchange.stream(200, {}).write(new Uint8Array(8 * 1024 * 1024)), {
    limits,
  });
  const client = connect(world.path, get);
  client.socket.pause();
  await new Promise<void>((resolve) => client.socket.once("connect", () => resolve()));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  await world.server.close();
  client.socket.destroy();
});

test("a refused peer gets the reason, and nothing that it sends is processed", async () => {
  let asked = 0;
  await using world = await serve(async () => void asked++, {
    admit: () => "not you",
    refusal: (reason) => JSON.stringify({ reason }),
  });
  const client = connect(world.path, get);
  await client.until('{"reason":"not you"}');
  expect(client.received).toStartWith("HTTP/1.1 403 Forbidden\r\n");
  await client.closed;
  expect(asked).toBe(0);
});

const upgrading = "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: frames\r\n\r\n";

test("an upgraded connection delivers the bytes that came with the request, and then the rest", async () => {
  const streams: ByteStream[] = [];
  await using world = await serve(async (exchange) => {
    const stream = exchange.upgrade("frames");
    if (!stream) return;
    streams.push(stream);
    stream.onData((chunk) => void stream.write(chunk));
    stream.onEnd(() => stream.end());
  });
  const client = connect(world.path, `${upgrading}early`);
  await client.until("early");
  expect(client.received).toStartWith("HTTP/1.1 101 Switching Protocols\r\n");
  client.socket.write("late");
  await client.until("late");
  const other = connect(world.path, upgrading);
  await other.until("101 ");
  other.socket.write("first");
  await other.until("first");
  for (const stream of streams) stream.destroy();
});

test("an upgraded connection that the client has ended can still be written to", async () => {
  await using world = await serve(async (exchange) => {
    const stream = exchange.upgrade("frames");
    stream?.onData(() => {});
    stream?.onEnd(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      stream.write(Buffer.from("goodbye"));
      stream.end();
    });
  });
  const client = connect(world.path, upgrading, { allowHalfOpen: true });
  await client.until("101 ");
  client.socket.end();
  await client.until("goodbye");
  await client.closed;
});

test("an upgrade to another protocol, or without a request for one, is refused", async () => {
  const upgrades: unknown[] = [];
  await using world = await serve(async (exchange) => {
    upgrades.push(exchange.upgrade("frames"));
    exchange.answer(426, {}, "no");
  });
  for (const request of [get, upgrading.replace("frames", "websocket")]) {
    const client = connect(world.path, request);
    await client.until("426 ");
    client.socket.destroy();
  }
  expect(upgrades).toEqual([null, null]);
});

test("a request to upgrade can be answered, but not with a stream", async () => {
  await using world = await serve(async (exchange) => {
    const stream = exchange.stream(200, {});
    await stream.write("nothing");
    stream.end();
  });
  const client = connect(world.path, upgrading);
  await client.closed;
  expect(client.received).toStartWith("HTTP/1.1 400 Bad Request\r\n");
  expect(client.received).not.toContain("nothing");
});

test.each([
  `${upgrading}early`,
  upgrading.replace("GET", "POST").replace("\r\n\r\n", "\r\ncontent-length: 9\r\n\r\nearly"),
])("a request to upgrade has no body: %j", async (request) => {
  const body = new Deferred<number>();
  await using world = await serve(async (exchange) => {
    body.resolve((await exchange.readBody(10)).length);
    exchange.answer(200, {}, "no");
  });
  const client = connect(world.path, request);
  expect(await body.promise).toBe(0);
  await client.closed;
});

test("an exchange is answered only once", async () => {
  const second = new Deferred<unknown>();
  await using world = await serve(async (exchange) => {
    expect(exchange.answered).toBe(false);
    exchange.answer(200, {}, "one");
    expect(exchange.answered).toBe(true);
    try {
      exchange.answer(200, {}, "two");
    } catch (error) {
      second.resolve(error);
    }
  });
  const client = connect(world.path, get);
  await client.until("one");
  expect(await second.promise).toMatchObject({ message: "answered twice" });
  client.socket.destroy();
});

test("a stream that is broken off is not taken for a complete one", async () => {
  await using world = await serve(async (exchange) => {
    const stream = exchange.stream(200, {});
    await stream.write("half");
    stream.break();
  });
  const client = connect(world.path, get);
  await client.closed;
  expect(client.received).not.toContain("\r\n0\r\n");
});

test.each([
  ["/p%2f?a=b?c", ["/p%2f", "b?c"]],
  ["/p??a=b", ["/p", "b"]],
  ["/p", ["/p", null]],
  ["/?", ["/", null]],
])("path and query are told apart, once: %s", async (target, expected) => {
  const seen = new Deferred<unknown>();
  await using world = await serve(async (exchange) => {
    seen.resolve([exchange.path, exchange.query.get("a")]);
    exchange.answer(200, {}, "");
  });
  const client = connect(world.path, `GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
  expect(await seen.promise).toEqual(expected);
  client.socket.destroy();
});

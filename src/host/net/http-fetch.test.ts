import { afterAll, expect, test } from "bun:test";
import net from "node:net";
import { createHttp, HttpError, type OutgoingRequest } from "./http-fetch.ts";

type Sent = (socket: net.Socket, head: string) => void;

const never = new AbortController().signal;
const servers: net.Server[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** A server that sends any bytes. */
async function rawServer(sent: Sent): Promise<{ url: string; heads: string[]; closed: Promise<void> }> {
  const heads: string[] = [];
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const server = net.createServer((socket) => {
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.on("data", (chunk) => {
      heads.push(chunk.toString());
      sent(socket, chunk.toString());
    });
  });
  servers.push(server);
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${(server.address() as net.AddressInfo).port}/`, heads, closed };
}

const http = createHttp(undefined);
const get = (url: string, more: Partial<OutgoingRequest> = {}) =>
  http({ method: "GET", url, signal: never, headTimeoutMs: 10_000, stallTimeoutMs: 10_000, ...more });
/** Only tests that wait for a stall use a short timeout: a loaded host is slow to send the rest. */
const impatient = { headTimeoutMs: 100, stallTimeoutMs: 100 };

async function read(url: string, more: Partial<OutgoingRequest> = {}): Promise<string> {
  const answer = await get(url, more);
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const head = "HTTP/1.1 200 OK\r\n";

test("an answer arrives as it was sent: not decompressed, redirects not followed", async () => {
  const { url } = await rawServer((socket) =>
    socket.end(
      "HTTP/1.1 302 Found\r\nContent-Encoding: gzip\r\nLocation: http://x.invalid/\r\nContent-Length: 3\r\n\r\nabc",
    ),
  );
  const answer = await get(url);
  expect([answer.status, answer.header("Location")]).toEqual([302, "http://x.invalid/"]);
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe("abc");
});

const broken: [name: string, sent: Sent, words: RegExp][] = [
  ["no answer", () => {}, /does not answer/],
  ["half a body, then nothing", (s) => void s.write(`${head}Content-Length: 10\r\n\r\nabc`), /does not answer/],
  ["half a body, then the end", (s) => s.end(`${head}Content-Length: 10\r\n\r\nabc`), /broke/],
  ["half a chunk", (s) => s.end(`${head}Transfer-Encoding: chunked\r\n\r\n5\r\nab`), /broke/],
  ["two lengths", (s) => s.end(`${head}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde`), /broke/],
  ["what is not HTTP", (s) => s.end("220 mail.example\r\n\r\n"), /broke/],
  ["a head of 70 KiB", (s) => s.end(`${head}X: ${"a".repeat(70_000)}\r\nContent-Length: 3\r\n\r\nabc`), /head/],
  [
    "a head without end",
    (s) => void s.write(`${head}${`X: ${"a".repeat(10_000)}\r\n`.repeat(3000)}`),
    /broke|head|not answer/,
  ],
];
for (const [name, sent, words] of broken) {
  test(`${name} is a connection error`, async () => {
    const { url } = await rawServer(sent);
    const isSilent = words.source.includes("does not answer");
    const error = await read(`${url}?signature=hidden`, isSilent ? impatient : {}).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(HttpError);
    expect((error as HttpError).kind).toBe("connection");
    expect((error as HttpError).problem).toMatch(words);
    expect((error as HttpError).problem).not.toContain("hidden");
  });
}

test("a head of 64 KiB is accepted, and one byte more is refused", async () => {
  // as counted here: each name and value and four more bytes; the body's length has a header of its own
  const lengths = { own: "x".length + 4, other: "content-length".length + "0".length + 4 };
  const sized = async (bytes: number) => {
    const value = "a".repeat(bytes - lengths.own - lengths.other);
    const { url } = await rawServer((socket) => socket.end(`${head}Content-Length: 0\r\nX: ${value}\r\n\r\n`));
    return read(url);
  };
  expect(await sized(65_536)).toBe("");
  await expect(sized(65_537)).rejects.toMatchObject({ problem: "the head of its answer is too long" });
});

test("bytes after the announced length are not part of the body", async () => {
  const { url } = await rawServer((socket) => socket.end(`${head}Content-Length: 3\r\n\r\nabcdefghi`));
  expect(await read(url)).toBe("abc");
});

test("a fast sender waits for a slow reader", async () => {
  const all = 512 * 1024 * 1024;
  let sent = 0;
  const { url } = await rawServer((socket) => {
    socket.write(`${head}Content-Length: ${all}\r\n\r\n`);
    const piece = Buffer.alloc(1024 * 1024);
    const more = (): void => {
      while (sent < all && !socket.destroyed) {
        sent += piece.length;
        if (!socket.write(piece)) return void socket.once("drain", more);
      }
    };
    more();
  });
  const answer = await get(url);
  let received = 0;
  let ahead = 0;
  let pieces = 0;
  for await (const chunk of answer.body) {
    received += chunk.length;
    // without back-pressure the sender would have finished by then
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    ahead = Math.max(ahead, sent - received);
    if (++pieces === 40) break;
  }
  expect(pieces).toBe(40);
  // the socket buffers of both sides, and a little of our own
  expect(ahead).toBeLessThan(48 * 1024 * 1024);
});

test("cancelling closes the connection, even before the body was read", async () => {
  const server = await rawServer((socket) => void socket.write(`${head}Content-Length: 10\r\n\r\nabc`));
  const stop = new AbortController();
  await get(server.url, { signal: stop.signal });
  stop.abort(new Error("given up"));
  await server.closed;
  const other = await rawServer((socket) => void socket.write(`${head}Content-Length: 10\r\n\r\nabc`));
  (await get(other.url)).close();
  await other.closed;
});

test("an abort throws the signal's reason", async () => {
  const { url } = await rawServer(() => {});
  const stop = new AbortController();
  const asking = get(url, { signal: stop.signal, headTimeoutMs: 10_000 });
  stop.abort(new Error("given up"));
  await expect(asking).rejects.toThrow("given up");
});

/** Prints which way the request went: `proxied` or `direct`. A process of its own, because the proxy depends on its environment. */
async function throughProxy(host: string): Promise<string> {
  const proxy = await rawServer((socket) => socket.end(`${head}Content-Length: 7\r\n\r\nproxied`));
  const server = await rawServer((socket) => socket.end(`${head}Content-Length: 6\r\n\r\ndirect`));
  const url = server.url.replace("127.0.0.1", host);
  const code = `import { createHttp } from ${JSON.stringify(`${import.meta.dir}/http-fetch.ts`)};
    const answer = await createHttp(undefined)({ method: "GET", url: ${JSON.stringify(url)}, signal: new AbortController().signal });
    for await (const chunk of answer.body) process.stdout.write(chunk);`;
  const env = { PATH: process.env["PATH"] ?? "", http_proxy: proxy.url, HTTP_PROXY: proxy.url };
  const child = Bun.spawn([process.execPath, "-e", code], { env, stdout: "pipe" });
  return new Response(child.stdout).text();
}

test("a proxy is used for other hosts, never for this machine", async () => {
  expect(await throughProxy("registry.example")).toBe("proxied");
  expect(await throughProxy("127.0.0.1")).toBe("direct");
  expect(await throughProxy("localhost")).toBe("direct");
});

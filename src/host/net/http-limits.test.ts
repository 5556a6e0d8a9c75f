/** The HTTP limits on both ends of a socket: each at the limit and one past it. The numbers are literals here. */
import { afterAll, expect, test } from "bun:test";
import net from "node:net";
import { memoryPair } from "../testing/memory-pair.ts";
import { tempFolder } from "../testing/temp.ts";
import { type HttpAnswer, httpRequest } from "./http-client.ts";
import { defaultLimits, type HttpExchange, type HttpOptions, serveHttp } from "./http-server.ts";

const folder = tempFolder("http");
afterAll(() => folder[Symbol.dispose]());

let count = 0;
async function serve(options: Partial<HttpOptions> = {}) {
  const path = `${folder.path}/${count++}`;
  const handle = async (exchange: HttpExchange) => exchange.answer(200, {}, "fine");
  const server = await serveHttp(path, { admit: () => null, refusal: () => "", handle, ...options });
  return { path, [Symbol.asyncDispose]: () => server.close() };
}

/** The first line of the response; empty when the connection is closed without one. */
function answered(path: string, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(path, () => socket.write(bytes));
    let said = "";
    socket.on("data", (chunk) => {
      said += String(chunk);
      if (!said.includes("\r\n")) return;
      resolve(said.split("\r\n", 1)[0] ?? "");
      socket.destroy();
    });
    socket.on("close", () => resolve(""));
    socket.on("error", () => resolve(""));
  });
}

test("the limits are those that docs and other tests rely on", () => {
  expect(defaultLimits).toEqual({
    headerBytes: 16_384,
    headersMs: 10_000,
    idleMs: 60_000,
    bodyMs: 15_000,
    lingerMs: 1000,
    connections: 256,
  });
});

test("a body is read at its limit, and refused one byte past it", async () => {
  const codes: string[] = [];
  await using server = await serve({
    handle: async (exchange) => {
      const outcome = await exchange.readBody(1000).then(
        (body) => String(body.length),
        (error: unknown) => (error as { code: string }).code,
      );
      codes.push(outcome);
      exchange.answer(200, {}, "");
    },
  });
  const post = (bytes: number) => `POST / HTTP/1.1\r\nhost: x\r\ncontent-length: ${bytes}\r\n\r\n${"b".repeat(bytes)}`;
  for (const bytes of [1000, 1001]) await answered(server.path, post(bytes));
  const chunked = (bytes: number) =>
    `POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${bytes.toString(16)}\r\n${"b".repeat(bytes)}\r\n0\r\n\r\n`;
  for (const bytes of [1000, 1001]) await answered(server.path, chunked(bytes));
  expect(codes).toEqual(["1000", "REQUEST_TOO_LARGE", "1000", "REQUEST_TOO_LARGE"]);
});

test("headers of nearly 16 KiB are accepted, and of 16 KiB and more refused", async () => {
  await using server = await serve();
  const get = (bytes: number) => {
    const [before, after] = ["GET / HTTP/1.1\r\nhost: x\r\nh: ", "\r\n\r\n"];
    return `${before}${"a".repeat(bytes - before.length - after.length)}${after}`;
  };
  // the runtime counts names and values, not every separator
  expect(await answered(server.path, get(16_300))).toBe("HTTP/1.1 200 OK");
  expect(await answered(server.path, get(16_500))).not.toBe("HTTP/1.1 200 OK");
});

test("as many connections as are allowed are served, and one more is closed", async () => {
  await using server = await serve({ limits: { ...defaultLimits, connections: 3 } });
  const open = () =>
    new Promise<net.Socket>((resolve) => {
      const socket = net.connect(server.path, () => socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
      socket.on("error", () => {});
      socket.once("data", () => resolve(socket));
    });
  const sockets = await Promise.all([open(), open(), open()]);
  expect(await answered(server.path, "GET / HTTP/1.1\r\nhost: x\r\n\r\n")).toBe("");
  const [first] = sockets;
  await new Promise((resolve) => {
    first?.once("close", resolve);
    first?.end();
  });
  for (const socket of sockets) socket.destroy();
});

/** What our client makes of these bytes. */
async function take(answer: string): Promise<HttpAnswer> {
  const [line, other] = memoryPair();
  other.onData(() => other.write(new TextEncoder().encode(answer)));
  return httpRequest(line, { method: "GET", path: "/" });
}

async function bodyLength({ body }: HttpAnswer): Promise<number> {
  let length = 0;
  for await (const chunk of body) length += chunk.length;
  return length;
}

test.each([0, 1])("a response head of 64 KiB is accepted, and %i bytes more as the limit says", async (past) => {
  const before = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nh: ";
  const answer = take(`${before}${"a".repeat(65_536 + past - before.length)}\r\n\r\n`);
  if (past === 0) expect((await answer).status).toBe(200);
  else await expect(answer).rejects.toThrow("head is too long");
});

test("a head that never ends is refused once it is over 64 KiB", async () => {
  await expect(take(`HTTP/1.1 200 OK\r\nh: ${"a".repeat(65_536)}`)).rejects.toThrow("head is too long");
});

test.each([0, 1])("a chunk's line of 1 KiB is accepted, and %i bytes more as the limit says", async (past) => {
  const line = `1;${"x".repeat(1022 + past)}`;
  const answer = await take(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${line}\r\nb\r\n0\r\n\r\n`);
  if (past === 0) expect(await bodyLength(answer)).toBe(1);
  else await expect(bodyLength(answer)).rejects.toThrow("malformed chunk");
});

test("a chunk's size has at most 8 digits, a body's length 15", async () => {
  const chunked = (digits: string) =>
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${digits}\r\nb\r\n0\r\n\r\n`;
  expect(await bodyLength(await take(chunked("00000001")))).toBe(1);
  await expect(bodyLength(await take(chunked("000000001")))).rejects.toThrow("malformed chunk");
  const sized = (digits: string) => `HTTP/1.1 200 OK\r\ncontent-length: ${digits}\r\n\r\nb`;
  expect(await bodyLength(await take(sized("000000000000001")))).toBe(1);
  await expect(take(sized("0000000000000001"))).rejects.toThrow("length is not a number");
});

test("a body without a reader pauses its connection at 256 KiB", async () => {
  const [line, other] = memoryPair();
  let paused = 0;
  const watched = { ...line, pause: () => void paused++ };
  for (const name of ["onData", "onEnd", "onClose", "write", "drained", "resume", "end", "destroy"] as const)
    Object.assign(watched, { [name]: (line[name] as (...all: unknown[]) => unknown).bind(line) });
  const answer = httpRequest(watched, { method: "GET", path: "/" });
  const send = (bytes: number) => void other.write(new Uint8Array(bytes));
  other.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
  await answer;
  send(262_143);
  await new Promise((resolve) => setImmediate(resolve));
  expect(paused).toBe(0);
  send(1);
  await new Promise((resolve) => setImmediate(resolve));
  expect(paused).toBe(1);
});

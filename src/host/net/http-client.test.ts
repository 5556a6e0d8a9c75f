import { expect, test } from "bun:test";
import type { ByteStream } from "../../base/bytes.ts";
import { memoryPair } from "../testing/memory-pair.ts";
import { httpRequest, httpUpgrade } from "./http-client.ts";

const text = (bytes: string) => new TextEncoder().encode(bytes);

/** A connection that answers with these bytes, split into pieces of `size`. */
function answering(answer: string, size = answer.length): { line: ByteStream; asked: () => string } {
  const [line, other] = memoryPair();
  let asked = "";
  let answered = false;
  other.onData((chunk) => {
    asked += new TextDecoder().decode(chunk);
    if (answered) return;
    answered = true;
    for (let at = 0; at < answer.length; at += size) other.write(text(answer.slice(at, at + size)));
    other.end();
  });
  return { line, asked: () => asked };
}

async function bodyOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const answers = {
  length: "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-Y: z\r\n\r\nhello world",
  chunked: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Y: z\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
  close: "HTTP/1.1 200 OK\r\nX-Y: z\r\n\r\nhello world",
};

for (const [framing, answer] of Object.entries(answers)) {
  for (const size of [1, 3, 7, 1000]) {
    test(`an answer framed by ${framing}, in pieces of ${size}`, async () => {
      const { line } = answering(answer, size);
      const got = await httpRequest(line, { method: "GET", path: "/" });
      expect([got.status, got.headers["x-y"], await bodyOf(got.body)]).toEqual([200, "z", "hello world"]);
    });
  }
}

test("a text body is sent with its length, a stream in chunks", async () => {
  const one = answering(answers.close);
  await httpRequest(one.line, { method: "POST", path: "/x", body: "{}" });
  expect(one.asked()).toMatch(/^POST \/x HTTP\/1\.1\r\nhost: bangerd\r\n/);
  expect(one.asked()).toContain("content-length: 2\r\n");
  const [line, other] = memoryPair();
  let asked = "";
  other.onData((chunk) => {
    asked += new TextDecoder().decode(chunk);
    if (asked.endsWith("0\r\n\r\n")) other.write(text(answers.length));
  });
  const body = (async function* () {
    yield text("abc");
    yield new Uint8Array();
    yield text("defgh");
  })();
  expect((await httpRequest(line, { method: "POST", path: "/", body })).status).toBe(200);
  expect(asked.endsWith("3\r\nabc\r\n5\r\ndefgh\r\n0\r\n\r\n")).toBe(true);
});

for (const bad of [
  "SSH-2.0-OpenSSH\r\n\r\n",
  "x".repeat(70_000),
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
]) {
  test(`invalid HTTP is an error: ${bad.slice(0, 20).trim()}`, async () => {
    const { line } = answering(bad);
    const read = httpRequest(line, { method: "GET", path: "/" }).then((answer) => bodyOf(answer.body));
    const [outcome] = await Promise.allSettled([read]);
    expect(outcome?.status).toBe("rejected");
  });
}

test("an abort before the answer is the request's failure", async () => {
  const [line] = memoryPair();
  const abort = new AbortController();
  const asked = httpRequest(line, { method: "GET", path: "/", signal: abort.signal });
  abort.abort(new Error("no longer"));
  const [outcome] = await Promise.allSettled([asked]);
  expect(outcome).toMatchObject({ status: "rejected", reason: { message: "no longer" } });
});

test("after an upgrade the caller gets the connection, with the bytes that follow the head", async () => {
  const { line } = answering("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nearly");
  const got = await httpUpgrade(line, { method: "GET", path: "/", protocol: "x" });
  expect(got.upgraded).toBe(true);
  if (!got.upgraded) return;
  const first = await new Promise<string>((resolve) =>
    got.stream.onData((chunk) => resolve(Buffer.from(chunk).toString())),
  );
  expect(first).toBe("early");
});

const cuts: [what: string, answer: string][] = [
  ["before its head is complete", "HTTP/1.1 200 OK\r\nContent-"],
  ["before its length is reached", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello"],
  ["in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhel"],
  ["between two chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"],
];
for (const [what, answer] of cuts) {
  test(`a response that is cut ${what} is an error`, async () => {
    const { line } = answering(answer);
    const read = httpRequest(line, { method: "GET", path: "/" }).then((got) => bodyOf(got.body));
    const [outcome] = await Promise.allSettled([read]);
    expect(outcome?.status).toBe("rejected");
  });
}

test("lengths that are not numbers are refused", async () => {
  for (const length of ["-1", "1e3", "0x10", "", "9".repeat(20)]) {
    const { line } = answering(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\nx`);
    const [outcome] = await Promise.allSettled([httpRequest(line, { method: "GET", path: "/" })]);
    expect([length, outcome?.status]).toEqual([length, "rejected"]);
  }
});

test("a slow reader pauses the connection; nothing is lost", async () => {
  const [line, other] = memoryPair();
  const piece = new Uint8Array(64 * 1024).fill(120);
  const pieces = 64;
  let sent = 0;
  other.onData(async () => {
    other.write(text("HTTP/1.1 200 OK\r\n\r\n"));
    for (; sent < pieces; sent++) if (!other.write(piece)) await other.drained();
    other.end();
  });
  const { body } = await httpRequest(line, { method: "GET", path: "/" });
  // without a reader, only what fits into both buffers is sent
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(sent * piece.length).toBeLessThan(1024 * 1024);
  let received = 0;
  for await (const chunk of body) received += chunk.length;
  expect(received).toBe(pieces * piece.length);
});

test("a reader that leaves early closes the connection", async () => {
  const [line, other] = memoryPair();
  const closed = new Promise<void>((resolve) => other.onEnd(resolve));
  other.onData(() => void other.write(text("HTTP/1.1 200 OK\r\n\r\nabc")));
  const { body } = await httpRequest(line, { method: "GET", path: "/" });
  for await (const _chunk of body) break;
  await closed;
});

test("a body that is no longer needed is abandoned, so that its source can clean up", async () => {
  const [line, other] = memoryPair();
  let isLeft = false;
  let given = 0;
  const body = (async function* () {
    try {
      for (; given < 1000; given++) yield new Uint8Array(64 * 1024);
    } finally {
      isLeft = true;
    }
  })();
  other.onData(() => {
    other.write(text("HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\nno"));
    other.pause();
  });
  const answer = await httpRequest(line, { method: "POST", path: "/", body });
  expect([answer.status, await bodyOf(answer.body)]).toEqual([409, "no"]);
  other.destroy();
  while (!isLeft) await new Promise((resolve) => setImmediate(resolve));
  expect(given).toBeLessThan(100);
});

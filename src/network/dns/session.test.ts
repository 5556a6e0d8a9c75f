import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ByteStream } from "../../base/bytes.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { framed } from "../../wire/dns/tcp.ts";
import { serveSession } from "./session.ts";

const hour = 3_600_000;

/** Everything that comes until the connection is over; with `length`, that much, and then the client's end is sent. */
function received(stream: ByteStream, length = Number.POSITIVE_INFINITY): Promise<Buffer> {
  const { promise, resolve } = Promise.withResolvers<Buffer>();
  let all = Buffer.alloc(0);
  const endIfComplete = () => {
    if (all.length >= length) stream.end();
  };
  stream.onData((chunk) => {
    all = Buffer.concat([all, chunk]);
    endIfComplete();
  });
  stream.onEnd(() => stream.end());
  stream.onClose(() => resolve(all));
  endIfComplete();
  return promise;
}

function serve(idleMs = hour, answer = (query: Uint8Array): Uint8Array | null => query) {
  const [client, server] = memoryPair();
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  serveSession(server, { answer, idleMs, onClose: resolve });
  return { client, closed };
}

test("queries are answered in their order, however the bytes are split", async () => {
  const query = fc.uint8Array({ minLength: 1, maxLength: 512 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(query, { maxLength: 5 }),
      fc.array(fc.integer({ min: 1, max: 700 })),
      async (queries, cuts) => {
        const { client, closed } = serve();
        const bytes = Buffer.concat(queries.map(framed));
        const all = received(client, bytes.length);
        let at = 0;
        for (const cut of cuts) {
          client.write(bytes.subarray(at, at + cut));
          at += cut;
        }
        client.write(bytes.subarray(at));
        await closed;
        expect((await all).equals(bytes)).toBe(true);
      },
    ),
  );
});

test.each([
  ["no bytes", "0000"],
  ["513 bytes", "0201"],
  ["65,535 bytes", "ffff"],
])("a length of %s ends the connection, after what came before", async (_, hex) => {
  const { client, closed } = serve();
  const all = received(client);
  client.write(Buffer.concat([framed(Buffer.from("one")), Buffer.from(hex, "hex"), Buffer.alloc(600)]));
  await closed;
  expect([Buffer.alloc(0), framed(Buffer.from("one"))]).toContainEqual(await all);
});

test("a query without an answer is passed over", async () => {
  const { client, closed } = serve(hour, (query) => (query.length === 1 ? null : query));
  const all = received(client, 4);
  client.write(Buffer.concat([framed(Buffer.from("a")), framed(Buffer.from("bc"))]));
  await closed;
  expect(await all).toEqual(framed(Buffer.from("bc")));
});

test("a connection without a whole query in time ends, also one that sends a byte now and then", async () => {
  const { client, closed } = serve(30);
  const drip = setInterval(() => client.write(Buffer.of(1)), 5);
  await closed;
  clearInterval(drip);
});

test("each query begins the time anew", async () => {
  const { client, closed } = serve(400);
  let answered = 0;
  let isClosed = false;
  void closed.then(() => (isClosed = true));
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  client.onData(() => {
    if (++answered === 6) resolve();
  });
  const ask = setInterval(() => client.write(framed(Buffer.from("query"))), 100);
  await enough;
  clearInterval(ask);
  expect(isClosed).toBe(false);
  await closed;
});

test("of a client that reads nothing no more is read than what fills its buffer, and its time ends too", async () => {
  let asked = 0;
  const big = Buffer.alloc(60_000);
  const { client, closed } = serve(50, () => {
    asked += 1;
    return big;
  });
  client.pause();
  for (let round = 0; round < 100; round++) client.write(framed(Buffer.from("query")));
  await closed;
  expect(asked).toBeLessThan(20);
});

test("a client that reads late gets everything", async () => {
  const big = Buffer.alloc(60_000, 7);
  const { client, closed } = serve(hour, () => big);
  const all = received(client);
  client.pause();
  for (let round = 0; round < 30; round++) client.write(framed(Buffer.from("query")));
  client.end();
  await new Promise(setImmediate);
  client.resume();
  await closed;
  expect((await all).length).toBe(30 * 60_002);
});

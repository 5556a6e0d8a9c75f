import { expect, test } from "bun:test";
import type { ByteStream } from "../../base/bytes.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { plainClient } from "../../wire/agent/client.ts";
import type { Stream } from "../../wire/agent/stream.ts";
import { fakeAgent } from "../../wire/agent/testing/fake.ts";
import { initialCredit } from "../../wire/agent/types.ts";
import { joinConnection } from "./connection.ts";

/** client — host — session — guest; the test plays client and guest. */
function joined({ refuses = false } = {}) {
  const [client, host] = memoryPair();
  const [upstream, agent] = memoryPair();
  const guest = Promise.withResolvers<Stream>();
  fakeAgent(agent, {
    plain: true,
    verbs: {
      dial: (served) => {
        if (refuses) return served.refuse("refused", "127.0.0.1 port 80: ECONNREFUSED");
        const stream = served.accept();
        stream.closed.catch(() => {});
        guest.resolve(stream);
      },
    },
  });
  const session = plainClient(upstream);
  const how = { reset: false };
  const resettable: ByteStream = {
    ...host,
    reset: () => {
      how.reset = true;
      host.destroy();
    },
  };
  const over = joinConnection(resettable, (signal) => session.open("dial", {}, { signal }));
  return { client, host, session, guest: guest.promise, over, how };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytes = (words: string) => new TextEncoder().encode(words);

/** Everything that comes until the end. */
function read(client: ByteStream): Promise<string> {
  let all = "";
  const { promise, resolve } = Promise.withResolvers<string>();
  client.onData((chunk) => {
    all += text(chunk);
  });
  client.onEnd(() => resolve(all));
  return promise;
}

test("bytes go both ways, and a half-close too", async () => {
  const { client, guest, over, how } = joined();
  client.write(bytes("request"));
  client.end();
  const stream = await guest;
  let request = "";
  const ended = Promise.withResolvers<void>();
  stream.onData((_channel, data) => {
    request += text(data);
  });
  stream.onEof(() => ended.resolve());
  await ended.promise;
  expect(request).toBe("request");
  const answer = read(client);
  await stream.write(0, bytes("answer"));
  stream.eof(0);
  expect(await answer).toBe("answer");
  await over;
  await stream.closed;
  expect(how.reset).toBe(false);
});

test("what the guest sends and ends at once arrives whole, and the client may still send", async () => {
  const { client, guest, how } = joined();
  const stream = await guest;
  let got = "";
  const ended = Promise.withResolvers<void>();
  stream.onData((_channel, data) => {
    got += text(data);
  });
  stream.onEof(() => ended.resolve());
  void stream.write(0, bytes("hello"));
  stream.eof(0);
  expect(await read(client)).toBe("hello");
  client.write(bytes("later"));
  client.end();
  await ended.promise;
  expect([got, how.reset]).toEqual(["later", false]);
});

test("a client that leaves ends the guest's side", async () => {
  const { client, guest, over } = joined();
  const stream = await guest;
  const closing = Promise.withResolvers<void>();
  stream.onClosing(() => closing.resolve());
  client.destroy();
  await closing.promise;
  await over;
});

test("a guest that refuses resets the client", async () => {
  const { client, over, how } = joined({ refuses: true });
  client.onClose(() => {});
  await over;
  expect(how.reset).toBe(true);
});

test("a session that is lost resets the client", async () => {
  const { client, guest, session, over, how } = joined();
  client.onClose(() => {});
  await guest;
  session.destroy();
  await over;
  expect(how.reset).toBe(true);
});

test("a guest whose connection ends without an end of its data resets the client", async () => {
  const { guest, over, how } = joined();
  await (await guest).finish({ code: "io", message: "it broke" });
  await over;
  expect(how.reset).toBe(true);
});

test("a client that does not read holds the guest at one window", async () => {
  const { guest, client } = joined();
  const stream = await guest;
  const chunk = new Uint8Array(32_768);
  const chunks = 64;
  let sent = 0;
  const sending = (async () => {
    for (let at = 0; at < chunks; at++) {
      await stream.write(0, chunk);
      sent += chunk.length;
    }
    stream.eof(0);
  })();
  for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  // what the pair holds, and a window
  expect(sent).toBeLessThanOrEqual(3 * initialCredit);
  expect((await read(client)).length).toBe(chunks * chunk.length);
  await sending;
});

test("a guest that does not read holds the client", async () => {
  const { client, guest } = joined();
  await guest;
  let writes = 0;
  const chunk = new Uint8Array(65_536);
  while (client.write(chunk) && writes < 1000) {
    writes += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(writes * chunk.length).toBeLessThan(3 * initialCredit);
});

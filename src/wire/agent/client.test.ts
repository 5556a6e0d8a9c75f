import { expect, test } from "bun:test";
import type { ByteStream } from "../../base/bytes.ts";
import { memoryPair } from "../../host/testing/memory-pair.ts";
import { connectAgent } from "./client.ts";
import { encodeFrame } from "./frame.ts";
import { fillerBytes, magic, Scanner, tagOf } from "./preamble.ts";
import { fakeAgent } from "./testing/fake.ts";
import { FrameType } from "./types.ts";

const hello = {
  protocol: 1,
  agent: "0.1.0",
  phase: "boot",
  generation: 0,
  init: "systemd",
  bootId: "b",
  features: ["exec"],
};

/** Plays the guest. @param reply returns the answer to the preamble with that nonce */
function guest(connection: ByteStream, reply: (nonce: Buffer, tag: number) => Uint8Array): void {
  const scanner = new Scanner(magic, 1e6);
  let nonce = Buffer.alloc(0);
  let found = false;
  connection.onData((chunk) => {
    const rest = found ? Buffer.from(chunk) : scanner.push(chunk);
    if (rest === null) return;
    found = true;
    nonce = Buffer.concat([nonce, rest]);
    if (nonce.length === 16) connection.write(reply(nonce, tagOf(nonce)));
  });
}

function helloFrame(tag: number, value: object = hello, stream = 0): Uint8Array {
  return encodeFrame({ type: FrameType.Hello, stream, payload: Buffer.from(JSON.stringify(value)) }, tag);
}

test("the tag is from the nonce; HELLO is read; bytes after it go to the session", async () => {
  const [connection, other] = memoryPair();
  const notice = { type: FrameType.Notice, stream: 0, payload: Buffer.from('{"notice":"up"}') };
  guest(other, (nonce, tag) => Buffer.concat([magic, nonce, helloFrame(tag), encodeFrame(notice, tag)]));
  const client = await connectAgent(connection, { resync: false, timeoutMs: 1000 });
  expect(client.hello).toMatchObject({ phase: "boot", init: "systemd", features: ["exec"] });
  const seen: unknown[] = [];
  client.onNotice((value) => void seen.push(value));
  expect(seen).toEqual([{ notice: "up" }]);
});

test("remains of an earlier session are skipped, also byte by byte", async () => {
  const [connection, other] = memoryPair();
  const rests = Buffer.concat([
    Buffer.alloc(70_000, 7),
    magic,
    Buffer.alloc(16, 9),
    helloFrame(99),
    magic.subarray(0, 9),
  ]);
  guest(other, (nonce, tag) => {
    other.write(rests);
    for (const byte of Buffer.concat([magic, nonce, helloFrame(tag)])) other.write(Uint8Array.of(byte));
    return Buffer.alloc(0);
  });
  expect((await connectAgent(connection, { resync: true, timeoutMs: 5000 })).hello?.agent).toBe("0.1.0");
});

test("resync first sends zeros that complete any frame", async () => {
  for (const resync of [true, false]) {
    const [connection, other] = memoryPair();
    const first = Promise.withResolvers<Uint8Array>();
    other.onData((chunk) => first.resolve(chunk));
    const connecting = Promise.allSettled([connectAgent(connection, { resync, timeoutMs: 1000 })]);
    expect((await first.promise).length).toBe((resync ? fillerBytes : 0) + 32);
    other.destroy();
    await connecting;
  }
});

for (const [name, problem] of Object.entries({
  "another version": { ...hello, protocol: 2 },
  "no phase": { ...hello, phase: "sleeping" },
  "a broken generation": { ...hello, generation: -1 },
})) {
  test(`HELLO with ${name} is refused`, async () => {
    const [connection, other] = memoryPair();
    guest(other, (nonce, tag) => Buffer.concat([magic, nonce, helloFrame(tag, problem)]));
    await expect(connectAgent(connection, { resync: false, timeoutMs: 1000 })).rejects.toMatchObject({
      code: "AGENT_PROTOCOL",
    });
  });
}

test("texts in HELLO are truncated and cleaned, its features are strings", async () => {
  const [connection, other] = memoryPair();
  const value = { ...hello, agent: `\u001b[2J${"x".repeat(1000)}`, init: 7, features: ["exec", 3, null] };
  guest(other, (nonce, tag) => Buffer.concat([magic, nonce, helloFrame(tag, value)]));
  const client = await connectAgent(connection, { resync: false, timeoutMs: 1000 });
  expect(client.hello).toMatchObject({ agent: "x".repeat(64), init: "", features: ["exec"] });
});

for (const [name, reply] of Object.entries<(nonce: Buffer, tag: number) => Uint8Array>({
  "another frame first": (nonce, tag) =>
    Buffer.concat([magic, nonce, encodeFrame({ type: FrameType.Pong, stream: 0, payload: Buffer.alloc(0) }, tag)]),
  "HELLO on a stream": (nonce, tag) => Buffer.concat([magic, nonce, helloFrame(tag, hello, 1)]),
  "another session's tag": (nonce, tag) => Buffer.concat([magic, nonce, helloFrame(tag ^ 1)]),
  "a frame over the limit": (nonce) => Buffer.concat([magic, nonce, Buffer.alloc(9, 0xff)]),
})) {
  test(`${name} is refused`, async () => {
    const [connection, other] = memoryPair();
    guest(other, reply);
    await expect(connectAgent(connection, { resync: false, timeoutMs: 1000 })).rejects.toMatchObject({
      code: "AGENT_PROTOCOL",
    });
  });
}

test("a silent agent, a closed connection and an ended connection are unreachable; the connection is destroyed", async () => {
  const name = "devbox";
  for (const act of [
    () => {},
    (connection: ByteStream) => connection.destroy(),
    (connection: ByteStream) => connection.end(),
  ]) {
    const [connection, other] = memoryPair();
    const closed = Promise.withResolvers<void>();
    other.onData(() => {});
    other.onClose(() => closed.resolve());
    act(other);
    const connecting = connectAgent(connection, { resync: false, timeoutMs: 5, name });
    await expect(connecting).rejects.toMatchObject({ code: "AGENT_UNREACHABLE", details: { name } });
    await closed.promise;
  }
});

test("a connection that ends between HELLO and the session ends the session", async () => {
  const [connection, other] = memoryPair();
  guest(other, (nonce, tag) => Buffer.concat([magic, nonce, helloFrame(tag)]));
  const connecting = connectAgent(connection, { resync: false, timeoutMs: 1000 });
  const client = await connecting;
  other.end();
  await client.closed;
});

test("with the fake agent: handshake, then verbs", async () => {
  const [connection, other] = memoryPair();
  const identities: unknown[] = [];
  fakeAgent(other, { hello: { init: "none" }, onIdentity: (identity) => void identities.push(identity) });
  const client = await connectAgent(connection, { resync: true, timeoutMs: 1000 });
  expect(client.hello?.init).toBe("none");
  await client.ping();
  await client.open("identity", { generation: 1 });
  expect(identities).toMatchObject([{ verb: "identity", generation: 1 }]);
});

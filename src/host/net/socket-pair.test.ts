import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { Deferred } from "../../base/async.ts";
import type { ByteStream } from "../../base/bytes.ts";
import { duplicate, receive } from "../testing/descriptors.ts";
import { tempFolder } from "../testing/temp.ts";
import { connectUnix, listenUnix } from "./socket.ts";
import { type StreamPair, streamPair } from "./socket-pair.ts";

/** As `socket:[INODE]`, which is the same for all copies of a descriptor. */
function openSockets(): Set<string> {
  const links = fs.readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // the descriptor of the listing itself
      return [];
    }
  });
  return new Set(links.filter((link) => link.startsWith("socket:")));
}

/** What `make` opens, without other tests' sockets in this process. @returns which of it is still open */
function watched<T>(make: () => T): { made: T; open: () => string[] } {
  const before = openSockets();
  const made = make();
  const own = [...openSockets()].filter((socket) => !before.has(socket));
  expect(own.length).toBeGreaterThan(0);
  return { made, open: () => own.filter((socket) => openSockets().has(socket)) };
}

function text(stream: ByteStream): Promise<string> {
  const ended = new Deferred<string>();
  let read = "";
  stream.onData((chunk) => {
    read += Buffer.from(chunk).toString();
  });
  stream.onEnd(() => ended.resolve(read));
  stream.onClose(() => ended.resolve(`${read} (closed)`));
  return ended.promise;
}

function closed(stream: ByteStream): Promise<void> {
  const over = new Deferred<void>();
  stream.onClose(() => over.resolve());
  return over.promise;
}

/** The stream's side ends when the last copy of the other end is closed. */
function writeAndClose(pair: StreamPair, said: string): void {
  const copy = duplicate(pair.other);
  pair.closeOther();
  fs.writeSync(copy, said);
  fs.closeSync(copy);
}

test("a pair carries bytes both ways, and ends with the last copy of its other end", async () => {
  const { made: pair, open } = watched(streamPair);
  pair.stream.write(Buffer.from("there"));
  const buffer = Buffer.alloc(16);
  expect(buffer.toString("utf8", 0, fs.readSync(pair.other, buffer))).toBe("there");
  writeAndClose(pair, "and back");
  expect(await text(pair.stream)).toBe("and back");
  pair.stream.destroy();
  await closed(pair.stream);
  expect(open()).toEqual([]);
});

test("neither end reaches a program that is started meanwhile", () => {
  const pair = streamPair();
  const seen = Bun.spawnSync([
    "readlink",
    ...[3, 4, 5, 6, 7, 8, 9, 10].map((fd) => `/proc/self/fd/${fd}`),
    `/proc/self/fd/${pair.other}`,
  ]);
  expect(seen.stdout.toString()).not.toContain("socket:");
  expect(fs.readFileSync(`/proc/self/fdinfo/${pair.other}`, "utf8")).toMatch(/^flags:\s+02/m);
  pair.closeOther();
  pair.stream.destroy();
});

/** A client's stream, and a descriptor of the accepting side, which is not read until `receive`. */
async function line(path: string) {
  const accepted = new Deferred<ByteStream>();
  const listener = await listenUnix(path, { mode: 0o600 }, (stream) => accepted.resolve(stream));
  const client = await connectUnix(path);
  const server = await accepted.promise;
  return { client, server, end: () => Promise.all([client.destroy(), server.destroy(), listener.close()]) };
}

test("a descriptor arrives with its bytes, after everything that was written before", async () => {
  const { made, open } = watched(() => [streamPair(), streamPair()] as const);
  const [pair, carrier] = made;
  const receiver = duplicate(carrier.other);
  carrier.closeOther();
  // more than the kernel takes at once: the runtime still has the rest when the descriptor is to be sent
  const first = Buffer.alloc(1 << 20, "x");
  carrier.stream.write(first);
  const sent = carrier.stream.writeWith?.(pair.other, Buffer.from("with it")).finally(() => pair.closeOther());
  carrier.stream.write(Buffer.from("behind"));
  let [read, withCopy, copy] = ["", "", -1];
  while (read.length < first.length + "with itbehind".length) {
    const part = await readable(receiver);
    if (part.descriptor !== null) [withCopy, copy] = [part.text, part.descriptor];
    read += part.text;
  }
  await sent;
  expect(read.replace(/^x*/, "")).toBe("behindwith it");
  // a read ends with the bytes that carried a descriptor (unix(7))
  expect(withCopy).toEndWith("with it");
  fs.writeSync(copy, "through the copy");
  fs.closeSync(copy);
  expect(await text(pair.stream)).toBe("through the copy");
  fs.closeSync(receiver);
  for (const stream of [pair.stream, carrier.stream]) stream.destroy();
  await Promise.all([closed(pair.stream), closed(carrier.stream)]);
  expect(open()).toEqual([]);
});

/** Lets the runtime continue writing between two reads that can block. */
async function readable(fd: number) {
  await new Promise(setImmediate);
  return receive(fd);
}

test("a client's and a server's connection carry descriptors", async () => {
  using folder = tempFolder();
  const { client, server, end } = await line(`${folder.path}/s`);
  const [one, two] = [streamPair(), streamPair()];
  await client.writeWith?.(one.other, Buffer.from("of the client"));
  await server.writeWith?.(two.other, Buffer.from("of the server"));
  expect(await Promise.all([first(server), first(client)])).toEqual(["of the client", "of the server"]);
  for (const pair of [one, two]) {
    pair.closeOther();
    pair.stream.destroy();
  }
  await end();
});

function first(stream: ByteStream): Promise<string> {
  const came = new Deferred<string>();
  stream.onData((chunk) => came.resolve(Buffer.from(chunk).toString()));
  return came.promise;
}

test("none is sent to a closed connection, whether it closed before or while the write waited", async () => {
  for (const queued of [0, 1 << 20]) {
    const carrier = streamPair();
    const pair = streamPair();
    if (queued > 0) carrier.stream.write(Buffer.alloc(queued));
    const sent = queued > 0 ? carrier.stream.writeWith?.(pair.other, Buffer.from("x")) : undefined;
    carrier.stream.destroy();
    await expect(sent ?? carrier.stream.writeWith?.(pair.other, Buffer.from("x"))).rejects.toThrow();
    for (const { closeOther, stream } of [carrier, pair]) {
      closeOther();
      stream.destroy();
    }
  }
});

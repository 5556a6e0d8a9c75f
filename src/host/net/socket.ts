/** Unix stream sockets as `ByteStream`s, with the other side's credentials. */
import * as fs from "node:fs/promises";
import net from "node:net";
import type { ByteStream } from "../../base/bytes.ts";
import { guardedConnection } from "../../base/guarded-connection.ts";
import { errnoOf } from "../errno.ts";
import { type Peer, peerCredentials, sendDescriptor } from "../libc.ts";
import { noAnswer, requireShortPath } from "./socket-path.ts";

export type { Peer } from "../libc.ts";

/** @throws PATH_TOO_LONG, and the system's error when nobody listens */
export async function connectUnix(path: string, timeoutMs = 10_000): Promise<ByteStream> {
  requireShortPath(path);
  const { promise, resolve, reject } = Promise.withResolvers<ByteStream>();
  const socket = net.connect({ path, allowHalfOpen: true });
  const timer = setTimeout(() => socket.destroy(noAnswer(path)), timeoutMs);
  socket.once("error", reject);
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.off("error", reject);
    resolve(streamOf(socket));
  });
  socket.once("close", () => clearTimeout(timer));
  return promise;
}

export type UnixListener = { /** closes the socket and removes its file; connections stay */ close(): Promise<void> };

/**
 * Listens with `mode`. Before it has that it is what the umask makes of it, which none but the owner may write to, and so connect to
 * (unix(7)), under 022 or stricter. The umask itself is left alone: it is the whole process's, and what another thread makes at that
 * moment would have it too. A socket file that nobody answers at is removed; one that lives is an error.
 * @throws PATH_TOO_LONG, EADDRINUSE
 */
export async function listenUnix(
  path: string,
  options: { mode: number },
  onConnection: (stream: ByteStream, peer: Peer) => void,
): Promise<UnixListener> {
  requireShortPath(path);
  await removeDeadSocket(path);
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const peer = peerOf(socket);
    if (peer) onConnection(streamOf(socket), peer);
    else socket.destroy();
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(path, () => resolve());
  await promise;
  await fs.chmod(path, options.mode);
  server.on("error", () => {});
  return { close: () => closeServer(server) };
}

function closeServer(server: net.Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  // connections that are handed on live longer than the listener: don't wait for them
  server.close(() => {});
  resolve();
  return promise;
}

async function removeDeadSocket(path: string): Promise<void> {
  try {
    const stream = await connectUnix(path, 2000);
    stream.destroy();
  } catch (error) {
    if (errnoOf(error) === "ECONNREFUSED" && (await isSocket(path))) await fs.rm(path, { force: true });
    else if (errnoOf(error) !== "ENOENT") throw error;
    return;
  }
  throw Object.assign(new Error(`another process listens at ${path}`), { code: "EADDRINUSE" });
}

/** A plain file refuses connections too, and is nobody's leftover. */
async function isSocket(path: string): Promise<boolean> {
  return (await fs.lstat(path)).isSocket();
}

/** Who is at the other end of an accepted connection; null when the kernel does not say. */
export function peerOf(socket: net.Socket): Peer | null {
  const fd = descriptorOf(socket);
  return fd === null ? null : peerCredentials(fd);
}

function descriptorOf(socket: net.Socket): number | null {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  return typeof fd === "number" && fd >= 0 ? fd : null;
}

/** All that was written before goes first: bytes that the runtime still has would be overtaken. */
async function writeWith(socket: net.Socket, descriptor: number, chunk: Uint8Array): Promise<void> {
  while (socket.writableLength > 0) await flushed(socket);
  const fd = socket.destroyed ? null : descriptorOf(socket);
  const sent = fd === null ? -1 : sendDescriptor(fd, descriptor, chunk);
  if (sent < 0) throw new Error("the other end takes no descriptor");
  if (sent < chunk.length) socket.write(chunk.subarray(sent));
}

function flushed(socket: net.Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.write("", (error) => (error ? reject(error) : resolve()));
  return promise;
}

/** A socket as a `ByteStream`: nothing is lost before the first listener, back-pressure works both ways, a listener that throws ends it. */
export function streamOf(socket: net.Socket): ByteStream {
  let failure: Error | undefined;
  let closed = false;
  let onEnd: (() => void) | undefined;
  let ended = false;
  socket.pause();
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("close", () => {
    closed = true;
  });
  socket.on("end", () => {
    ended = true;
    onEnd?.();
  });
  return guardedConnection({
    onData(listener) {
      socket.on("data", listener);
      socket.resume();
    },
    onEnd(listener) {
      onEnd = listener;
      if (ended) queueMicrotask(listener);
    },
    onClose(listener) {
      if (closed) queueMicrotask(() => listener(failure));
      else socket.once("close", () => listener(failure));
    },
    write: (chunk) => (closed || socket.destroyed ? true : socket.write(chunk)),
    writeWith: (descriptor, chunk) => writeWith(socket, descriptor, chunk),
    drained: () => drained(socket),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: (error) => void socket.destroy(error),
  });
}

function drained(socket: net.Socket): Promise<void> {
  if (socket.destroyed || !socket.writableNeedDrain) return Promise.resolve();
  const { promise, resolve } = Promise.withResolvers<void>();
  const done = () => {
    socket.off("drain", done);
    socket.off("close", done);
    resolve();
  };
  socket.once("drain", done);
  socket.once("close", done);
  return promise;
}

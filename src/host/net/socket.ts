/** Unix stream sockets as `ByteStream`s, with the peer's credentials. */
import * as fs from "node:fs/promises";
import net from "node:net";
import { dirname } from "node:path";
import type { ByteStream } from "../../base/bytes.ts";
import { guardedConnection } from "../../base/guarded-connection.ts";
import { errnoOf, hasNoListener } from "../errno.ts";
import { folderProblem, ownedBy, ownUid } from "../files/owner.ts";
import { type Peer, peerCredentials, sendDescriptor } from "../libc.ts";
import { noAnswer, requireShortPath } from "./socket-path.ts";

export type { Peer } from "../libc.ts";

/**
 * @param check as for `connectUnixFast`
 * @throws PATH_TOO_LONG, what `check` throws, and the system's error when nothing listens
 */
export async function connectUnix(
  path: string,
  timeoutMs = 10_000,
  check?: (listener: Peer | null) => void,
): Promise<ByteStream> {
  requireShortPath(path);
  const { promise, resolve, reject } = Promise.withResolvers<ByteStream>();
  const socket = net.connect({ path, allowHalfOpen: true });
  const timer = setTimeout(() => socket.destroy(noAnswer(path)), timeoutMs);
  socket.once("error", reject);
  socket.once("connect", () => {
    clearTimeout(timer);
    socket.off("error", reject);
    try {
      check?.(peerOf(socket));
      resolve(streamOf(socket));
    } catch (error) {
      socket.destroy();
      reject(error);
    }
  });
  socket.once("close", () => clearTimeout(timer));
  return promise;
}

export type ListenOptions = {
  mode: number;
  /** replace a socket that another user listens at, in a folder that only this user can write to: it is there since the folder was theirs */
  replacesOthers?: boolean;
};

export type UnixListener = { /** closes the socket and removes its file; connections stay */ close(): Promise<void> };

/**
 * Listens with `mode`. Until that is set, the socket's mode comes from the umask: under 022 or stricter only the owner can write to it,
 * and so connect (unix(7)). The umask is not changed: it belongs to the whole process, and would apply to other threads' files.
 * A stale socket file is removed; a live one is an error.
 * @throws PATH_TOO_LONG, EADDRINUSE
 */
export async function listenUnix(
  path: string,
  options: ListenOptions,
  onConnection: (stream: ByteStream, peer: Peer) => void,
): Promise<UnixListener> {
  requireShortPath(path);
  await removeDeadSocket(path, options.replacesOthers === true && isOwnFolder(dirname(path)));
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
  // accepted connections outlive the listener: don't wait for them
  server.close(() => {});
  resolve();
  return promise;
}

/** @param replacesOthers whether one that does not show this user as its listener is removed, too, whatever comes of a connection to it */
async function removeDeadSocket(path: string, replacesOthers: boolean): Promise<void> {
  let listener: Peer | null = null;
  const problem = await connectUnix(path, 2000, (peer) => {
    listener = peer;
  }).then(
    (stream) => {
      stream.destroy();
      return inUse(path);
    },
    (error: unknown) => error,
  );
  if (errnoOf(problem) === "ENOENT") return;
  const mayGo = hasNoListener(problem) || (replacesOthers && !isOwn(listener));
  if (!mayGo || !(await isSocket(path))) throw problem;
  await fs.rm(path, { force: true });
}

function isOwn(listener: Peer | null): boolean {
  return listener?.uid === ownUid();
}

function isOwnFolder(folder: string): boolean {
  const owned = ownedBy(folder);
  const self = ownUid();
  return owned !== null && folderProblem(owned, { self, uids: [self], allowSticky: false }) === null;
}

function inUse(path: string): Error {
  return Object.assign(new Error(`another process listens at ${path}`), { code: "EADDRINUSE" });
}

/** A regular file refuses connections too, but is not a stale socket. */
async function isSocket(path: string): Promise<boolean> {
  return (await fs.lstat(path)).isSocket();
}

/** The process at the other end of an accepted connection; null when the kernel does not tell. */
export function peerOf(socket: net.Socket): Peer | null {
  const fd = descriptorOf(socket);
  return fd === null ? null : peerCredentials(fd);
}

function descriptorOf(socket: net.Socket): number | null {
  const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
  return typeof fd === "number" && fd >= 0 ? fd : null;
}

/** Waits for earlier writes first: otherwise the descriptor's bytes would overtake those that the runtime still has. */
async function writeWith(socket: net.Socket, descriptor: number, chunk: Uint8Array): Promise<void> {
  while (socket.writableLength > 0) await flushed(socket);
  const fd = socket.destroyed ? null : descriptorOf(socket);
  const sent = fd === null ? -1 : sendDescriptor(fd, descriptor, chunk);
  if (sent < 0) throw new Error("the other end does not accept a descriptor");
  if (sent < chunk.length) socket.write(chunk.subarray(sent));
}

function flushed(socket: net.Socket): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.write("", (error) => (error ? reject(error) : resolve()));
  return promise;
}

/** A socket as a `ByteStream`: keeps data for the first listener, has back-pressure both ways, and ends when a listener throws. */
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

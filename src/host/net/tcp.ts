/** TCP over IPv4: a listener on one address. */
import net from "node:net";
import type { ByteStream } from "../../base/bytes.ts";
import { streamOf } from "./socket.ts";

export type TcpListener = { readonly port: number /** accepts no more; connections stay */; close(): void };

/**
 * It goes on listening when the address leaves the host, and is reached again when it comes back.
 * @param port 0 for any free one
 * @param onConnection gets the other end's address; what it throws ends the connection
 * @param onError for what is wrong with the listener later; it stays open
 * @throws the system's error: EADDRNOTAVAIL when the host does not have the address, EADDRINUSE, EACCES
 */
export async function listenTcp(
  address: string,
  port: number,
  onConnection: (stream: ByteStream, from: string) => void,
  onError: (error: Error) => void,
): Promise<TcpListener> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (socket) => {
    const stream = { ...streamOf(socket), reset: () => void socket.resetAndDestroy() };
    try {
      onConnection(stream, socket.remoteAddress ?? "");
    } catch (error) {
      stream.destroy(error instanceof Error ? error : undefined);
    }
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ host: address, port, exclusive: true }, () => resolve());
  await promise;
  server.off("error", reject);
  server.on("error", onError);
  return { port: (server.address() as net.AddressInfo).port, close: () => void server.close(() => {}) };
}

/** @throws the system's error; ETIMEDOUT after `timeoutMs` */
export async function connectTcp(address: string, port: number, timeoutMs: number): Promise<ByteStream> {
  const socket = net.connect({ host: address, port, allowHalfOpen: true, noDelay: true, timeout: timeoutMs });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("connect", resolve);
  socket.once("error", reject);
  socket.once("timeout", () => reject(Object.assign(new Error("connect ETIMEDOUT"), { code: "ETIMEDOUT" })));
  try {
    await promise;
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.setTimeout(0);
  socket.off("error", reject);
  return { ...streamOf(socket), reset: () => void socket.resetAndDestroy() };
}

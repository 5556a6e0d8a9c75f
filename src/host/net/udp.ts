/** UDP over IPv4, bound to one address: udp(7). */
import dgram from "node:dgram";
import { dropArrivals, queueArrivals } from "./socket-filter.ts";

export type Sender = { address: string; port: number };

export type UdpSocket = {
  readonly port: number;
  /** Best effort, as UDP is: one that can't be sent is lost. */
  send(datagram: Uint8Array, to: Sender): void;
  close(): void;
};

/** How much may come without a pause; for tests. */
export type UdpLimits = {
  /** datagrams that are taken before anything else of this process has its turn */
  atOnce: number;
  /** how long the kernel drops the others then, in `ms` */
  pauseMs: number;
  after(ms: number, run: () => void): void;
};

const defaultLimits: UdpLimits = { atOnce: 256, pauseMs: 20, after: (ms, run) => void setTimeout(run, ms).unref() };

/**
 * The socket stays bound when the address leaves the host, and receives again when it comes back. The runtime takes datagrams for as long as
 * there are any, and a sender on this host is fast enough to stop the process so: of those that come without a pause most are dropped.
 * @param port 0 for any free one
 * @param onDatagram must not throw
 * @param onError for what is wrong with the socket later; it stays open
 * @throws the system's error: EADDRNOTAVAIL when the host does not have the address, EADDRINUSE, EACCES
 */
export async function bindUdp(
  address: string,
  port: number,
  onDatagram: (datagram: Uint8Array, from: Sender) => void,
  onError: (error: Error) => void,
  limits = defaultLimits,
): Promise<UdpSocket> {
  const socket = dgram.createSocket("udp4");
  const turns = new Turns(socket, limits);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.on("message", (datagram, { address, port }) => {
    if (turns.mayTake()) onDatagram(datagram, { address, port });
  });
  socket.bind({ address, port, exclusive: true }, resolve);
  try {
    await promise;
  } catch (error) {
    close(socket);
    throw error;
  }
  socket.off("error", reject);
  socket.on("error", onError);
  return {
    port: socket.address().port,
    send: (datagram, to) => send(socket, datagram, to),
    close: () => close(socket),
  };
}

function send(socket: dgram.Socket, datagram: Uint8Array, to: Sender): void {
  try {
    socket.send(datagram, to.port, to.address, () => {});
  } catch {
    // the socket was closed meanwhile, or the sender has no port (RFC 768: then it expects no answer)
  }
}

/** A second time, and on one that was never bound, it throws. */
function close(socket: dgram.Socket): void {
  try {
    socket.close();
  } catch {}
}

/** Counts datagrams from one turn of the event loop to the next. */
class Turns {
  readonly #socket: dgram.Socket;
  readonly #limits: UdpLimits;
  #taken = 0;

  constructor(socket: dgram.Socket, limits: UdpLimits) {
    this.#socket = socket;
    this.#limits = limits;
  }

  mayTake(): boolean {
    const { atOnce } = this.#limits;
    if (this.#taken === 0) setImmediate(() => this.#next());
    this.#taken += 1;
    if (this.#taken === atOnce + 1) withDescriptor(this.#socket, dropArrivals);
    return this.#taken <= atOnce;
  }

  #next(): void {
    const { atOnce, pauseMs, after } = this.#limits;
    const isPaused = this.#taken > atOnce;
    this.#taken = 0;
    if (isPaused) after(pauseMs, () => withDescriptor(this.#socket, queueArrivals));
  }
}

/** `socket._handle` has the descriptor too, and warns at each use. Nothing happens once the socket is closed. */
function withDescriptor(socket: dgram.Socket, act: (fd: number) => void): void {
  const own = socket as unknown as Record<symbol, { handle?: { fd?: number } | null } | undefined>;
  for (const key of Object.getOwnPropertySymbols(socket)) {
    const fd = own[key]?.handle?.fd;
    if (typeof fd === "number" && fd >= 0) return act(fd);
  }
}

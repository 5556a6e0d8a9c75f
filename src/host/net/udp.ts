/** UDP over IPv4, bound to one address: udp(7). */
import dgram from "node:dgram";

export type Sender = { address: string; port: number };

export type UdpSocket = {
  readonly port: number;
  /** Best effort, as UDP is: one that can't be sent is lost. */
  send(datagram: Uint8Array, to: Sender): void;
  close(): void;
};

/**
 * The socket stays bound when the address leaves the host, and receives again when it comes back.
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
): Promise<UdpSocket> {
  const socket = dgram.createSocket("udp4");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("error", reject);
  socket.on("message", (datagram, { address, port }) => onDatagram(datagram, { address, port }));
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

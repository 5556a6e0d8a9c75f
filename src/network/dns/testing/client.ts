/** Asks a DNS server over UDP and TCP, for tests. */
import dgram from "node:dgram";
import net from "node:net";
import { framed } from "../../../wire/dns/tcp.ts";
import { type Asked, type Decoded, decodeAnswer, queryBytes } from "../../../wire/dns/testing/messages.ts";

export type UdpClient = {
  /** the next datagram after that one was sent */
  ask(bytes: Uint8Array): Promise<Buffer>;
  close(): void;
};

export async function udpClient(port: number, address = "127.0.0.1", from = "127.0.0.1"): Promise<UdpClient> {
  const socket = dgram.createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, from, resolve));
  return {
    ask: (bytes) =>
      new Promise((resolve) => {
        socket.once("message", (answer) => resolve(answer));
        socket.send(bytes, port, address);
      }),
    close: () => socket.close(),
  };
}

export async function askUdp(port: number, asked: Asked): Promise<Decoded> {
  const client = await udpClient(port);
  try {
    return decodeAnswer(await client.ask(queryBytes(asked)));
  } finally {
    client.close();
  }
}

/** The answers to queries over one connection, which is then closed. */
export function askTcp(port: number, queries: readonly Asked[]): Promise<Decoded[]> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ port, host: "127.0.0.1" });
    const chunks: Buffer[] = [];
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("end", () => resolve(messagesOf(Buffer.concat(chunks)).map(decodeAnswer)));
    socket.end(Buffer.concat(queries.map((asked) => framed(queryBytes(asked)))));
  });
}

function messagesOf(bytes: Buffer): Buffer[] {
  if (bytes.length === 0) return [];
  const end = 2 + bytes.readUInt16BE(0);
  return [bytes.subarray(2, end), ...messagesOf(bytes.subarray(end))];
}

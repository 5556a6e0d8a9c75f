/**
 * The host's end of a test VM's network device, in passt's place: a gateway that answers ARP and pings. Frames have passt's and
 * QEMU's framing, a length of four bytes (big endian) before each.
 */
import { createServer, type Socket } from "node:net";

/** What the gateway answers for, and an address for its guest. */
export const cableGateway = "192.0.2.1";
export const cableGuest = "192.0.2.2";
const gatewayAddress = Buffer.from(cableGateway.split(".").map(Number));
const gatewayMac = Buffer.from("0200000000fe", "hex");

const [arp, ipv4] = [0x0806, 0x0800];
const icmp = 1;
const [echoRequest, echoReply] = [8, 0];

export type Cable = { socket: string; close(): void };

/** Listens at `socket`, for any number of VMs, one connection each. */
export async function layCable(socket: string): Promise<Cable> {
  const ends = new Set<Socket>();
  const server = createServer((end) => {
    ends.add(end.on("error", () => {}));
    end.on("close", () => ends.delete(end));
    serve(end);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    socket,
    close() {
      server.close();
      for (const end of ends) end.destroy();
    },
  };
}

function serve(end: Socket): void {
  let unread = Buffer.alloc(0);
  end.on("data", (chunk) => {
    unread = Buffer.concat([unread, chunk as Buffer]);
    while (unread.length >= 4 && unread.length >= 4 + unread.readUInt32BE(0)) {
      const length = 4 + unread.readUInt32BE(0);
      const answer = answerTo(unread.subarray(4, length));
      if (answer) end.write(Buffer.concat([lengthOf(answer), answer]));
      unread = unread.subarray(length);
    }
  });
}

function lengthOf(frame: Buffer): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(frame.length);
  return bytes;
}

/** The gateway's answer to one Ethernet frame; null: none. */
export function answerTo(frame: Buffer): Buffer | null {
  if (frame.length < 42) return null;
  const answer = Buffer.from(frame);
  frame.copy(answer, 0, 6, 12);
  gatewayMac.copy(answer, 6);
  if (frame.readUInt16BE(12) === arp) return arpReply(frame, answer);
  if (frame.readUInt16BE(12) === ipv4 && frame[23] === icmp) return pong(frame, answer);
  return null;
}

/** RFC 826: operation at 20, sender at 22, target at 32. */
function arpReply(frame: Buffer, answer: Buffer): Buffer | null {
  if (frame.readUInt16BE(20) !== 1 || !frame.subarray(38, 42).equals(gatewayAddress)) return null;
  answer.writeUInt16BE(2, 20);
  gatewayMac.copy(answer, 22);
  gatewayAddress.copy(answer, 28);
  frame.copy(answer, 32, 22, 32);
  return answer;
}

/** RFC 792, behind an IPv4 header without options: type at 34, checksum at 36. */
function pong(frame: Buffer, answer: Buffer): Buffer | null {
  if (frame[14] !== 0x45 || frame[34] !== echoRequest || !frame.subarray(30, 34).equals(gatewayAddress)) return null;
  frame.copy(answer, 26, 30, 34);
  frame.copy(answer, 30, 26, 30);
  answer[34] = echoReply;
  const sum = frame.readUInt16BE(36) + (echoRequest << 8);
  answer.writeUInt16BE((sum & 0xffff) + (sum >> 16), 36);
  return answer;
}

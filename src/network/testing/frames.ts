/** Plays the guest on a link: Ethernet frames on passt's stream socket, each after its length. */
import type { ByteStream } from "../../base/bytes.ts";

/** A link's end. */
type Line = Pick<ByteStream, "onData" | "write" | "destroy">;

const etherArp = 0x0806;
const etherIpv4 = 0x0800;
const etherIpv6 = 0x86dd;
const tcpSyn = 0x02;

export type Answer =
  | { kind: "tcp"; from: string; port: number; flags: string }
  | { kind: "udp"; from: string; port: number; text: string };

/** `flags`: with the fragment's offset; `options`: hexadecimal, whole words */
export type IpHead = { flags?: number; options?: string };

export class HandMadeGuest {
  readonly #connection: Line;
  readonly #mac: Buffer;
  readonly #address: string;
  #gatewayMac = Buffer.alloc(6, 0xff);
  #input = Buffer.alloc(0);
  #onAnswer: (answer: Answer) => void = () => {};
  #onArp: () => void = () => {};
  readonly answers: Answer[] = [];

  constructor(connection: Line, mac: string, address: string) {
    this.#connection = connection;
    this.#mac = Buffer.from(mac.replaceAll(":", ""), "hex");
    this.#address = address;
    connection.onData((chunk) => this.#read(chunk));
  }

  /** Sends an ARP request for the gateway; resolves with the reply. */
  async resolveGateway(gateway: string): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      this.#onArp = resolve;
    });
    const arp = Buffer.concat([
      Buffer.from("0001080006040001", "hex"),
      this.#mac,
      ip(this.#address),
      Buffer.alloc(6),
      ip(gateway),
    ]);
    this.#send(etherArp, arp);
    await answered;
  }

  /** Sends a TCP SYN: a reply with `S` and `A` means that the port is open. */
  syn(to: string, port: number): void {
    const head = Buffer.alloc(20);
    head.writeUInt16BE(40_000 + (port % 1000), 0);
    head.writeUInt16BE(port, 2);
    head.writeUInt32BE(1, 4);
    head[12] = 5 << 4;
    head[13] = tcpSyn;
    head.writeUInt16BE(65_535, 14);
    head.writeUInt16BE(checksum(Buffer.concat([pseudo(this.#address, to, 6, 20), head])), 16);
    this.#sendIp(to, 6, head);
  }

  udp(to: string, port: number, text: string, ipHead?: IpHead): void {
    const data = Buffer.from(text);
    const head = Buffer.alloc(8);
    head.writeUInt16BE(41_000, 0);
    head.writeUInt16BE(port, 2);
    head.writeUInt16BE(8 + data.length, 4);
    this.#sendIp(to, 17, Buffer.concat([head, data]), ipHead);
  }

  /** From an address beside the host's. @param to written out in full, as 32 hexadecimal digits */
  udp6(to: string, port: number, text: string): void {
    const udp = Buffer.concat([
      Buffer.from([0xa0, 0x28, port >> 8, port & 255, 0, 8 + text.length, 0, 0]),
      Buffer.from(text),
    ]);
    const head = Buffer.from(`60000000${hex16(udp.length)}1140${"fd000ec2".padEnd(31, "0")}f${to}`, "hex");
    udp.writeUInt16BE(
      checksum(Buffer.concat([head.subarray(8), Buffer.from([0, 0, 0, udp.length, 0, 0, 0, 17]), udp])),
      6,
    );
    this.#send(etherIpv6, Buffer.concat([head, udp]));
  }

  /** Resolves with the first answer, past or future, that fits. */
  until(fits: (answer: Answer) => boolean): Promise<Answer> {
    const known = this.answers.find(fits);
    if (known) return Promise.resolve(known);
    return new Promise((resolve) => {
      this.#onAnswer = (answer) => fits(answer) && resolve(answer);
    });
  }

  close(): void {
    this.#connection.destroy();
  }

  #sendIp(to: string, protocol: number, payload: Buffer, { flags = 0, options = "" }: IpHead = {}): void {
    const head = Buffer.concat([Buffer.alloc(20), Buffer.from(options, "hex")]);
    head[0] = 0x40 | (head.length / 4);
    head.writeUInt16BE(head.length + payload.length, 2);
    head.writeUInt16BE(flags, 6);
    head[8] = 64;
    head[9] = protocol;
    ip(this.#address).copy(head, 12);
    ip(to).copy(head, 16);
    head.writeUInt16BE(checksum(head), 10);
    this.#send(etherIpv4, Buffer.concat([head, payload]));
  }

  #send(type: number, payload: Buffer): void {
    const ether = Buffer.alloc(14);
    this.#gatewayMac.copy(ether, 0);
    this.#mac.copy(ether, 6);
    ether.writeUInt16BE(type, 12);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(14 + payload.length);
    this.#connection.write(Buffer.concat([length, ether, payload]));
  }

  #read(chunk: Uint8Array): void {
    this.#input = Buffer.concat([this.#input, chunk]);
    while (this.#input.length >= 4 && this.#input.length >= 4 + this.#input.readUInt32BE(0)) {
      const end = 4 + this.#input.readUInt32BE(0);
      this.#frame(this.#input.subarray(4, end));
      this.#input = this.#input.subarray(end);
    }
  }

  #frame(frame: Buffer): void {
    const type = frame.readUInt16BE(12);
    if (type === etherArp && frame.readUInt16BE(20) === 2) {
      this.#gatewayMac = Buffer.from(frame.subarray(22, 28));
      this.#onArp();
    }
    if (type !== etherIpv4) return;
    const packet = frame.subarray(14);
    const payload = packet.subarray(((packet[0] ?? 0) & 0x0f) * 4, packet.readUInt16BE(2));
    const from = [...packet.subarray(12, 16)].join(".");
    if (packet[9] === 6)
      this.#take({ kind: "tcp", from, port: payload.readUInt16BE(0), flags: flagsOf(payload[13] ?? 0) });
    if (packet[9] === 17)
      this.#take({ kind: "udp", from, port: payload.readUInt16BE(0), text: payload.subarray(8).toString() });
  }

  #take(answer: Answer): void {
    this.answers.push(answer);
    this.#onAnswer(answer);
  }
}

function flagsOf(byte: number): string {
  return [
    ["F", 1],
    ["S", 2],
    ["R", 4],
    ["A", 16],
  ]
    .filter(([, bit]) => byte & (bit as number))
    .map(([name]) => name)
    .join("");
}

function hex16(value: number): string {
  return value.toString(16).padStart(4, "0");
}

function ip(address: string): Buffer {
  return Buffer.from(address.split(".").map(Number));
}

function pseudo(from: string, to: string, protocol: number, length: number): Buffer {
  return Buffer.concat([ip(from), ip(to), Buffer.from([0, protocol, length >> 8, length & 255])]);
}

/** RFC 1071 */
function checksum(data: Buffer): number {
  let sum = 0;
  for (let at = 0; at < data.length; at += 2) sum += ((data[at] ?? 0) << 8) | (data[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

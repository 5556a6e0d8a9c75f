/** Writes an answer. RFC 1035 section 4, RFC 6891 section 6.1. */
import {
  type Answer,
  classIn,
  type DnsRecord,
  type DomainName,
  type Edns,
  lowerCase,
  type Question,
  type RecordData,
  recordType,
  type Soa,
} from "./message.ts";

/** The longest answer over UDP, in bytes, to whoever takes that much: it fits an Ethernet frame (DNS Flag Day 2020). */
const udpPayload = 1232;
/** The longest answer to a query without EDNS, and what every sender takes, in bytes. */
export const plainUdpPayload = 512;
/** of TCP's two bytes before a message */
export const tcpPayload = 65_535;

const questionAt = 12;
const pointer = 0xc000;
const response = 0x8000;
const authoritative = 0x0400;
const truncated = 0x0200;
const recursionDesired = 0x0100;
const dnssecOk = 0x8000;

/** The limit of an answer over UDP, in bytes. A size below 512 counts as 512 (RFC 6891 section 6.2.3). */
export function udpLimit(edns: Edns | null): number {
  return edns === null ? plainUdpPayload : Math.min(Math.max(edns.udpSize, plainUdpPayload), udpPayload);
}

/** One over the limit comes without its records and with the bit TC, which has the sender ask again over TCP. */
export function writeAnswer(answer: Answer, limit: number): Buffer {
  const whole = write(answer, 0);
  return whole.length <= limit ? whole : write({ ...answer, answers: [], authority: [] }, truncated);
}

function write(answer: Answer, extraFlags: number): Buffer {
  const { id, opcode, question, edns, answers, authority, rcode } = answer;
  const flags =
    response |
    (opcode << 11) |
    (answer.authoritative ? authoritative : 0) |
    (answer.recursionDesired ? recursionDesired : 0) |
    extraFlags |
    (rcode & 15);
  const counts = [question ? 1 : 0, answers.length, authority.length, edns ? 1 : 0];
  const names = new Names(question);
  return Buffer.concat([
    u16(id, flags, ...counts),
    question ? Buffer.concat([plainName(question.name), u16(question.type, question.class)]) : Buffer.alloc(0),
    ...[...answers, ...authority].map((record) => writeRecord(record, names)),
    edns ? writeOpt(edns, rcode) : Buffer.alloc(0),
  ]);
}

function writeRecord({ name, ttl, data }: DnsRecord, names: Names): Buffer {
  const value = writeData(data, names);
  return Buffer.concat([names.write(name), u16(recordType[data.type], classIn), u32(ttl), u16(value.length), value]);
}

function writeData(data: RecordData, names: Names): Buffer {
  switch (data.type) {
    case "A":
      return u32(data.address);
    case "NS":
    case "PTR":
      return names.write(data.name);
    case "SOA":
      return writeSoa(data.soa, names);
    case "HINFO":
      return Buffer.concat([label(data.cpu), label(data.os)]);
  }
}

function writeSoa(soa: Soa, names: Names): Buffer {
  const numbers = u32(soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum);
  return Buffer.concat([names.write(soa.server), names.write(soa.mailbox), numbers]);
}

/** The upper bits of the rcode are where a record has its TTL; the version is 0. */
function writeOpt(edns: Edns, rcode: number): Buffer {
  const head = Buffer.concat([plainName([]), u16(recordType.OPT, udpPayload)]);
  return Buffer.concat([head, u16((rcode >> 4) << 8, edns.dnssecOk ? dnssecOk : 0), u16(0)]);
}

/** Writes names behind a question: the end that a name has in common with the question's is a pointer to it. */
class Names {
  /** where each end of the question's name begins in the message, the longest first */
  readonly #ends: { key: string; at: number }[] = [];

  constructor(question: Question | null) {
    let at = questionAt;
    for (const [index, part] of (question?.name ?? []).entries()) {
      this.#ends.push({ key: keyOf(question?.name.slice(index) ?? []), at });
      at += 1 + part.length;
    }
  }

  write(name: DomainName): Buffer {
    for (let index = 0; index < name.length; index++) {
      const key = keyOf(name.slice(index));
      const end = this.#ends.find((one) => one.key === key);
      if (end) return Buffer.concat([...name.slice(0, index).map(label), u16(pointer | end.at)]);
    }
    return plainName(name);
  }
}

/** Equal for names that differ in case alone. A label can have any byte but not this character. */
function keyOf(name: DomainName): string {
  return lowerCase(name).join("\u{100}");
}

function plainName(name: DomainName): Buffer {
  return Buffer.concat([...name.map(label), Buffer.of(0)]);
}

/** @param text at most 63 characters as part of a name, 255 as a character string */
function label(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, "latin1")]);
}

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}

function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index);
  return bytes;
}

/** Queries and answers for tests: the other half of the codec. */
import { classIn, type DomainName, recordType } from "../message.ts";

export type Asked = {
  name: DomainName;
  type?: keyof typeof recordType | number;
  class?: number;
  id?: number;
  /** adds an OPT record */
  udpSize?: number;
};

export function queryBytes({ name, type = "A", class: asked = classIn, id = 7, udpSize }: Asked): Buffer {
  const number = typeof type === "number" ? type : recordType[type];
  const opt = udpSize === undefined ? [] : [Buffer.of(0), u16(recordType.OPT, udpSize, 0, 0, 0)];
  return Buffer.concat([
    u16(id, 0x0100, 1, 0, 0, opt.length === 0 ? 0 : 1),
    nameBytes(name),
    u16(number, asked),
    ...opt,
  ]);
}

export type DecodedRecord = { name: string; type: string; ttl: number; data: string };
export type Decoded = {
  id: number;
  rcode: number;
  /** set bits, of `aa tc rd ra ad cd` */
  flags: string[];
  question: string | null;
  answers: DecodedRecord[];
  authority: DecodedRecord[];
  /** of the OPT record; null when there is none */
  edns: { udpSize: number; version: number; dnssecOk: boolean } | null;
};

/** Of names whose labels have no dots. @throws when it is not exactly one answer */
export function decodeAnswer(bytes: Uint8Array): Decoded {
  const reader = new Reader(Buffer.from(bytes));
  const [id, bits, questions, answers, authority, additional] = Array.from({ length: 6 }, () => reader.u16()) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if ((bits & 0x8000) === 0) throw new Error("not an answer");
  const question = questions === 0 ? null : `${reader.name()} ${typeName(reader.u16())} ${reader.u16()}`;
  const list = (count: number) => Array.from({ length: count }, () => reader.record());
  const decoded = { answers: list(answers), authority: list(authority) };
  const [opt] = list(additional);
  if (reader.at !== bytes.length) throw new Error(`${bytes.length - reader.at} bytes too many`);
  const extended = opt ? (opt.ttl >>> 24) << 4 : 0;
  return {
    id,
    rcode: (bits & 15) | extended,
    flags: flagBits.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name),
    question,
    ...decoded,
    edns: opt
      ? { udpSize: Number(opt.data), version: (opt.ttl >>> 16) & 255, dnssecOk: (opt.ttl & 0x8000) !== 0 }
      : null,
  };
}

const flagBits: [string, number][] = [
  ["aa", 0x400],
  ["tc", 0x200],
  ["rd", 0x100],
  ["ra", 0x80],
  ["ad", 0x20],
  ["cd", 0x10],
];

class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u16(): number {
    this.at += 2;
    return this.#bytes.readUInt16BE(this.at - 2);
  }

  u32(): number {
    this.at += 4;
    return this.#bytes.readUInt32BE(this.at - 4);
  }

  text(): string {
    const length = this.#bytes.readUInt8(this.at);
    this.at += 1 + length;
    return this.#bytes.toString("latin1", this.at - length, this.at);
  }

  name(): string {
    const labels: string[] = [];
    let end: number | null = null;
    while (this.#bytes.readUInt8(this.at) !== 0) {
      if (this.#bytes.readUInt8(this.at) < 64) labels.push(this.text());
      else {
        const target = this.u16() & 0x3fff;
        end ??= this.at;
        if (target >= this.at - 2) throw new Error("a pointer forwards");
        this.at = target;
      }
    }
    this.at = end ?? this.at + 1;
    return `${labels.join(".")}.`;
  }

  record(): DecodedRecord {
    const name = this.name();
    const [type, udpSize, ttl, length] = [this.u16(), this.u16(), this.u32(), this.u16()];
    const end = this.at + length;
    const data = type === recordType.OPT ? String(udpSize) : this.#data(type);
    if (this.at !== end) throw new Error("the data has another length");
    return { name, type: typeName(type), ttl, data };
  }

  #data(type: number): string {
    switch (type) {
      case recordType.A:
        return Array.from({ length: 4 }, () => this.#bytes.readUInt8(this.at++)).join(".");
      case recordType.NS:
      case recordType.PTR:
        return this.name();
      case recordType.SOA:
        return [this.name(), this.name(), ...Array.from({ length: 5 }, () => this.u32())].join(" ");
      case recordType.HINFO:
        return `"${this.text()}" "${this.text()}"`;
      default:
        throw new Error(`type ${type}`);
    }
  }
}

function typeName(type: number): string {
  return Object.entries(recordType).find(([, number]) => number === type)?.[0] ?? `TYPE${type}`;
}

function nameBytes(name: DomainName): Buffer {
  return Buffer.concat([
    ...name.flatMap((label) => [Buffer.of(label.length), Buffer.from(label, "latin1")]),
    Buffer.of(0),
  ]);
}

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, 2 * index);
  return bytes;
}

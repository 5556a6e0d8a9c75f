/** Reads a query from untrusted bytes. RFC 1035 section 4, RFC 6891 section 6.1. */
import {
  type DomainName,
  type Edns,
  type Query,
  type QueryHeader,
  type Question,
  rcode,
  recordType,
} from "./message.ts";

/** The longest query that is read, in bytes: a name of 255, its type and class, and an OPT record with cookie and padding. */
export const maxQuery = 512;

const headerBytes = 12;
const isResponse = 0x8000;
const recursionDesired = 0x0100;
/** of a name, with its length bytes and the root's */
const maxName = 255;
const maxLabel = 63;
const dnssecOk = 0x8000;

/** `refused`: what to answer, with the header alone, as the rest can't be read. */
export type Received =
  | { kind: "query"; query: Query }
  | { kind: "refused"; header: QueryHeader; rcode: typeof rcode.FORMERR | typeof rcode.NOTIMP }
  /** no query: to answer a response, or what has not even a header, could go on for ever between two servers */
  | { kind: "ignored" };

/**
 * A query has one question (RFC 9619), written without compression, as there is nothing before it to point to, and at most an OPT record
 * after it. Anything else is FORMERR.
 */
export function readQuery(bytes: Uint8Array): Received {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (message.length < headerBytes) return { kind: "ignored" };
  const flags = message.readUInt16BE(2);
  if ((flags & isResponse) !== 0) return { kind: "ignored" };
  const header: QueryHeader = {
    id: message.readUInt16BE(0),
    opcode: (flags >> 11) & 15,
    recursionDesired: (flags & recursionDesired) !== 0,
  };
  if (header.opcode !== 0) return { kind: "refused", header, rcode: rcode.NOTIMP };
  const body = message.length > maxQuery ? null : readBody(message);
  return body === null
    ? { kind: "refused", header, rcode: rcode.FORMERR }
    : { kind: "query", query: { ...header, ...body } };
}

/** What follows the header, to the last byte; null: not what a query has. */
function readBody(message: Buffer): Pick<Query, "question" | "edns"> | null {
  const [questions, answers, authority, additional] = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  if (questions !== 1 || answers !== 0 || authority !== 0) return null;
  const asked = readQuestion(message);
  if (asked === null) return null;
  const { question, end } = asked;
  if (additional === 0) return end === message.length ? { question, edns: null } : null;
  const edns = additional === 1 ? readOpt(message.subarray(end)) : null;
  return edns && { question, edns };
}

function readQuestion(message: Buffer): { question: Question; end: number } | null {
  const named = readName(message, headerBytes);
  if (named === null || message.length < named.end + 4) return null;
  const { name, end } = named;
  const question = { name, type: message.readUInt16BE(end), class: message.readUInt16BE(end + 2) };
  return { question, end: end + 4 };
}

/** A length over 63 is a pointer, or of a kind that was never used. */
function readName(message: Buffer, start: number): { name: DomainName; end: number } | null {
  const name: string[] = [];
  for (let at = start; at < message.length && at < start + maxName; ) {
    const length = message.readUInt8(at);
    if (length === 0) return { name, end: at + 1 };
    const end = at + 1 + length;
    if (length > maxLabel || end > message.length) return null;
    name.push(message.toString("latin1", at + 1, end));
    at = end;
  }
  return null;
}

/** @param bytes one OPT record, and nothing else */
function readOpt(bytes: Buffer): Edns | null {
  const fixed = 11;
  if (bytes.length < fixed || bytes.readUInt8(0) !== 0 || bytes.readUInt16BE(1) !== recordType.OPT) return null;
  if (bytes.readUInt16BE(9) !== bytes.length - fixed || !areOptions(bytes.subarray(fixed))) return null;
  const flags = bytes.readUInt16BE(7);
  return { version: bytes.readUInt8(6), udpSize: bytes.readUInt16BE(3), dnssecOk: (flags & dnssecOk) !== 0 };
}

/** Each option is its code, a length and so many bytes. */
function areOptions(bytes: Buffer): boolean {
  let at = 0;
  while (at + 4 <= bytes.length) at += 4 + bytes.readUInt16BE(at + 2);
  return at === bytes.length;
}

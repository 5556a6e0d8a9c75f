/** DNS messages as records: what a server for a few names reads and writes. RFC 1035, with EDNS (RFC 6891). */

/**
 * The labels of a domain name from left to right, without the root's, which is the empty list. A label may have any bytes (RFC 2181): each is
 * a character from U+0000 to U+00FF. Letters are as they were sent; `lowerCase` gives the form to compare.
 */
export type DomainName = readonly string[];

/** types of records and of questions (IANA, "Domain Name System Parameters") */
export const recordType = { A: 1, NS: 2, SOA: 6, PTR: 12, HINFO: 13, AAAA: 28, OPT: 41, ANY: 255 } as const;

/** the internet: the only class that anything has */
export const classIn = 1;

export const rcode = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
  /** of EDNS: more bits than the header has, so only with an OPT record */
  BADVERS: 16,
} as const;
export type Rcode = (typeof rcode)[keyof typeof rcode];

export type Question = { name: DomainName; type: number; class: number };

/** What a query's OPT record says. Its options are passed over. */
export type Edns = {
  version: number;
  /** the longest answer over UDP that the sender takes, in bytes */
  udpSize: number;
  /** the sender wants DNSSEC's records; the bit is sent back (RFC 3225) */
  dnssecOk: boolean;
};

/** The part of a query's header that its answer repeats. */
export type QueryHeader = {
  id: number;
  /** 0: a standard query */
  opcode: number;
  recursionDesired: boolean;
};

export type Query = QueryHeader & { question: Question; edns: Edns | null };

/** The data of a record, by its type; an address is an unsigned number. */
export type RecordData =
  | { type: "A"; address: number }
  | { type: "NS" | "PTR"; name: DomainName }
  | { type: "SOA"; soa: Soa }
  | { type: "HINFO"; cpu: string; os: string };

/** Start of authority; times in `s`. */
export type Soa = {
  /** the zone's primary server */
  server: DomainName;
  /** who to write to: a mail address with a dot in place of its `@` */
  mailbox: DomainName;
  serial: number;
  refresh: number;
  retry: number;
  expire: number;
  /** how long a resolver may remember that something is missing (RFC 2308) */
  minimum: number;
};

export type DnsRecord = { name: DomainName /** in `s` */; ttl: number; data: RecordData };

export type Answer = QueryHeader & {
  rcode: Rcode;
  /** it comes from the zone's own data */
  authoritative: boolean;
  /** null: the query had none that could be read */
  question: Question | null;
  /** of the query; null: the answer has no OPT record either */
  edns: Edns | null;
  answers: readonly DnsRecord[];
  /** where something is missing: the zone's SOA record */
  authority: readonly DnsRecord[];
};

/** The form in which names are compared: ASCII letters alone have a lower case (RFC 4343). */
export function lowerCase(name: DomainName): DomainName {
  return name.map((label) => label.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()));
}

/**
 * Answers for our zones, and refusals for all others: this server asks no other one. RFC 1034 section 4.3.2, without recursion, aliases
 * and delegations. Pure.
 */
import {
  type Answer,
  classIn,
  type DnsRecord,
  type Query,
  type Rcode,
  rcode,
  recordType,
} from "../../wire/dns/message.ts";
import type { Received } from "../../wire/dns/query.ts";
import { type DnsNetwork, type Place, placeOf, soaOf, type VmNames } from "./zones.ts";

/** Types from here on are for questions and for transfers between servers, but for `ANY` (RFC 6895 section 3.1). */
const firstMetaType = 128;
const lastMetaType = 255;

/** Null: no answer at all. @throws what `names` throws */
export function answerTo(received: Received, network: DnsNetwork, names: VmNames): Answer | null {
  switch (received.kind) {
    case "ignored":
      return null;
    case "refused":
      return { ...bare, ...received.header, rcode: received.rcode };
    case "query":
      return answerQuery(received.query, network, names);
  }
}

/** What to say when the names can't be looked up; null where nothing is said anyway. */
export function failureTo(received: Received): Answer | null {
  return received.kind === "query" ? refusal(received.query, rcode.SERVFAIL) : null;
}

const bare = { authoritative: false, question: null, edns: null, answers: [], authority: [] };

function answerQuery(query: Query, network: DnsNetwork, names: VmNames): Answer {
  const problem = problemOf(query);
  if (problem !== null) return refusal(query, problem);
  const place = placeOf(query.question.name, network, names);
  return place === null ? refusal(query, rcode.REFUSED) : answerAt(query, place);
}

function problemOf({ edns, question: { type, class: asked } }: Query): Rcode | null {
  if (edns !== null && edns.version > 0) return rcode.BADVERS;
  if (type === recordType.OPT) return rcode.FORMERR;
  const isMeta = type >= firstMetaType && type <= lastMetaType && type !== recordType.ANY;
  return asked !== classIn || isMeta ? rcode.REFUSED : null;
}

/** Where nothing is found the zone's SOA record says for how long that may be kept (RFC 2308 section 3). */
function answerAt(query: Query, { zone, records }: Place): Answer {
  const answers = records === null ? [] : select(query, records);
  return {
    ...refusal(query, records === null ? rcode.NXDOMAIN : rcode.NOERROR),
    authoritative: true,
    answers,
    authority: answers.length === 0 ? [soaOf(zone)] : [],
  };
}

/** `ANY` is answered with one made-up record, as small as one can be (RFC 8482 section 4.2). */
function select({ question: { name, type } }: Query, records: readonly DnsRecord[]): DnsRecord[] {
  if (type === recordType.ANY) return [{ name, ttl: 0, data: { type: "HINFO", cpu: "RFC8482", os: "" } }];
  return records.filter(({ data }) => recordType[data.type] === type);
}

function refusal(query: Query, code: Rcode): Answer {
  const { id, opcode, recursionDesired, question, edns } = query;
  return { ...bare, id, opcode, recursionDesired, question, edns, rcode: code };
}

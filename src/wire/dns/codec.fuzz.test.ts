import { expect, test } from "bun:test";
import fc from "fast-check";
import { udpLimit, writeAnswer } from "./answer.ts";
import { type Answer, type DnsRecord, type DomainName, lowerCase, type Query, rcode } from "./message.ts";
import { maxQuery, readQuery } from "./query.ts";
import { decodeAnswer, queryBytes } from "./testing/messages.ts";

const label = fc
  .uint8Array({ minLength: 1, maxLength: 63 })
  .map((bytes) => Buffer.from(bytes).toString("latin1").replaceAll(".", "-"));
const name = fc.array(label, { maxLength: 8 }).filter((labels) => labels.join(".").length <= 253);
const u16 = fc.nat(65_535);
const question = fc.record({ name, type: u16, class: u16, id: u16 });

test("any bytes are read or refused, never worse", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      expect(["query", "refused", "ignored"]).toContain(readQuery(bytes).kind);
    }),
  );
});

test("a query with some bytes changed, taken out or put in is read or refused", () => {
  const change = fc.record({ at: fc.nat(600), remove: fc.nat(3), insert: fc.uint8Array({ maxLength: 3 }) });
  fc.assert(
    fc.property(question, fc.array(change, { maxLength: 4 }), (asked, changes) => {
      const bytes = [...queryBytes({ ...asked, udpSize: 1232 })];
      for (const { at, remove, insert } of changes) bytes.splice(at % bytes.length, remove, ...insert);
      const received = readQuery(Uint8Array.from(bytes));
      if (received.kind !== "query") return;
      // what was read is the whole message
      const { question: read, edns } = received.query;
      expect(bytes.length).toBeLessThanOrEqual(maxQuery);
      expect(bytes.length).toBeGreaterThanOrEqual(queryBytes(read).length + (edns ? 11 : 0));
    }),
    { numRuns: 500 },
  );
});

test("a query is read as it was written, at any place of a larger buffer", () => {
  fc.assert(
    fc.property(question, fc.option(u16), fc.nat(9), (asked, udpSize, before) => {
      const bytes = queryBytes({ ...asked, ...(udpSize !== null && { udpSize }) });
      const larger = Buffer.concat([Buffer.alloc(before, 0xff), bytes, Buffer.alloc(5, 0xff)]);
      const { id, ...rest } = asked;
      const edns = udpSize === null ? null : { version: 0, udpSize, dnssecOk: false };
      expect(readQuery(larger.subarray(before, before + bytes.length))).toEqual({
        kind: "query",
        query: { id, opcode: 0, recursionDesired: true, question: rest, edns },
      });
    }),
  );
});

const text = (labels: DomainName) => `${labels.join(".")}.`;
const record = fc.oneof(
  fc.record({
    name,
    ttl: fc.nat(),
    data: fc.record({ type: fc.constant("A" as const), address: fc.constant(0xc0000207) }),
  }),
  fc.record({ name, ttl: fc.nat(), data: fc.record({ type: fc.constantFrom("PTR" as const, "NS" as const), name }) }),
);
const dataText = ({ data }: DnsRecord) => (data.type === "A" ? "192.0.2.7" : "name" in data ? text(data.name) : "");

test("an answer holds its records, names compressed, or the bit TC where they are too long", () => {
  fc.assert(
    fc.property(question, fc.array(record, { maxLength: 6 }), fc.option(u16), (asked, answers, udpSize) => {
      const edns = udpSize === null ? null : { version: 0, udpSize, dnssecOk: true };
      const head = { id: asked.id, opcode: 0, recursionDesired: true, question: asked, edns } satisfies Query;
      // an end of the question's name, in another case
      const shared = answers.map((one, index) => ({
        ...one,
        name: swapCase([...one.name.slice(0, 1), ...asked.name.slice(index % 3)]),
      }));
      const usable = shared.filter((one) => text(one.name).length <= 254);
      const answer: Answer = { ...head, rcode: rcode.NOERROR, authoritative: true, answers: usable, authority: [] };
      const limit = udpLimit(edns);
      const bytes = writeAnswer(answer, limit);
      expect(bytes.length).toBeLessThanOrEqual(limit);
      const decoded = decodeAnswer(bytes);
      const isCut = decoded.flags.includes("tc");
      expect(isCut).toBe(writeAnswer(answer, 65_535).length > limit);
      const wanted = isCut
        ? []
        : usable.map((one) => [text(lowerCase(one.name)), one.ttl, dataText(one).toLowerCase()]);
      expect(
        decoded.answers.map((one) => [
          text(lowerCase(one.name.split("."))).slice(0, -1),
          one.ttl,
          one.data.toLowerCase(),
        ]),
      ).toEqual(wanted);
      expect(decoded).toMatchObject({ id: asked.id, authority: [], edns: edns && { udpSize: 1232, dnssecOk: true } });
    }),
  );
});

function swapCase(labels: DomainName): DomainName {
  return labels.map((one) =>
    one.replace(/[a-zA-Z]/g, (letter) => (letter < "a" ? letter.toLowerCase() : letter.toUpperCase())),
  );
}

test("a name that ends as the question does takes its first labels and a pointer", () => {
  const asked = { name: ["Sandbox", "VM"], type: 1, class: 1 };
  const base = { id: 1, opcode: 0, recursionDesired: false, question: asked, edns: null, rcode: rcode.NOERROR };
  const length = (owner: DomainName) =>
    writeAnswer(
      {
        ...base,
        authoritative: true,
        answers: [{ name: owner, ttl: 0, data: { type: "A", address: 1 } }],
        authority: [],
      },
      512,
    ).length -
    28 -
    14;
  expect(length(["sandbox", "vm"])).toBe(2);
  expect(length(["other", "vm"])).toBe(6 + 2);
  expect(length(["vm", "sandbox"])).toBe(3 + 8 + 1);
  expect(length([])).toBe(1);
});

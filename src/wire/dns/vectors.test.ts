/** The golden vectors of `protocol/dns.json`: queries as other programs write them (dnspython, dig), and answers that dnspython reads. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { answerTo } from "../../network/dns/answers.ts";
import { writeAnswer } from "./answer.ts";
import { type Query, rcode } from "./message.ts";
import { readQuery } from "./query.ts";

type Vectors = {
  queries: { name: string; hex: string; query: Query }[];
  refused: { name: string; hex: string; rcode: "FORMERR" | "NOTIMP" }[];
  ignored: { name: string; hex: string }[];
  answers: { name: string; queryHex: string; answerHex: string }[];
};

const vectors = JSON.parse(readFileSync(new URL("../../../protocol/dns.json", import.meta.url), "utf8")) as Vectors;
const read = (hex: string) => readQuery(Buffer.from(hex, "hex"));

describe("queries", () => {
  test.each(vectors.queries)("$name", ({ hex, query }) => expect(read(hex)).toEqual({ kind: "query", query }));
});

describe("refused", () => {
  test.each(vectors.refused)("$name", ({ hex, rcode: expected }) => {
    expect(read(hex)).toMatchObject({ kind: "refused", header: { id: 7 }, rcode: rcode[expected] });
  });
});

describe("ignored", () => {
  test.each(vectors.ignored)("$name", ({ hex }) => expect(read(hex)).toEqual({ kind: "ignored" }));
});

describe("answers", () => {
  const names = {
    addressOf: (name: string) => (name === "sandbox" ? "172.16.0.5" : null),
    nameOf: (address: string) => (address === "172.16.0.5" ? "sandbox" : null),
  };
  test.each(vectors.answers)("$name", ({ queryHex, answerHex }) => {
    const answer = answerTo(read(queryHex), { address: "172.16.0.1", prefix: 24 }, names);
    expect(answer && writeAnswer(answer, 1232).toString("hex")).toBe(answerHex);
  });
});

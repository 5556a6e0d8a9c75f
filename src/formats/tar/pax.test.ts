import { expect, test } from "bun:test";
import { TarError } from "./header.ts";
import { parsePax, paxRecord } from "./pax.ts";

const parse = (text: string) => [...parsePax(Buffer.from(text, "latin1"))];

test("a record has its length, a key and a value, which may be empty and hold anything", () => {
  expect(parse("6 k=v\n")).toEqual([["k", "v"]]);
  expect(parse("5 k=\n")).toEqual([["k", ""]]);
  expect(parse("9 k=a=\nb\n6 l=w\n")).toEqual([
    ["k", "a=\nb"],
    ["l", "w"],
  ]);
  expect(parse("006 k=v\n".replace("006", "008"))).toEqual([["k", "v"]]);
  expect(parse("")).toEqual([]);
});

test("the numbers of GNU's sparse format 0.0 become one map", () => {
  const records = (...numbers: string[]) =>
    Buffer.concat(
      numbers.map((text, at) => paxRecord(at % 2 === 0 ? "GNU.sparse.offset" : "GNU.sparse.numbytes", text)),
    );
  expect([...parsePax(records("1", "2", "3", "4"))]).toEqual([["GNU.sparse.map", "1,2,3,4"]]);
  expect([...parsePax(records("1"))]).toEqual([["GNU.sparse.map", "1"]]);
});

const wrong: [what: string, text: string][] = [
  ["no digit", " k=v\n"],
  ["something else than digits", "6x k=v\n"],
  ["a digit's neighbours", "/6 k=v\n"],
  ["a character after the digits that would count as ten", ": k=vvvvv\n"],
  ["one before them that would count as one less", "1/ k=vvv\n"],
  ["a length that ends in the middle, where another record begins", "5 k=v6 k=v\n"],
  ["a letter", "r k=v\n"],
  ["a length that ends before the key", "2 k=v\n"],
  ["a length past the end", "7 k=v\n"],
  ["a length that ends in the middle", "5 k=v\n"],
  ["no space", "6"],
  ["digits alone", "12345678"],
  ["too many digits", "000000016 k=vvvvv\n"],
];
for (const [what, text] of wrong) {
  test(`a record with ${what} is refused`, () => {
    expect(() => parse(text)).toThrow(new TarError("a pax record's length is wrong"));
  });
}

test("a length has seven digits", () => {
  expect(parse("0000013 k=v\n".replace("0000013", "0000012"))).toEqual([["k", "v"]]);
  expect(() => parse("00000013 k=v\n")).toThrow(TarError);
});

test("the shortest record is a key of no length", () => {
  expect(parse("4 =\n")).toEqual([["", ""]]);
  expect(() => parse("3 \n")).toThrow("a pax record's length is wrong");
});

test("a record without an equals sign is refused", () => {
  expect(() => parse("5 kv\n")).toThrow(new TarError("a pax record has no value"));
});

test.each([0, 1, 4, 5, 6, 92, 93, 94, 95, 990, 991, 992, 993, 9_990])(
  "a record with a value of %i bytes counts itself",
  (bytes) => {
    const record = paxRecord("k", "v".repeat(bytes));
    expect(Number(Buffer.from(record).toString().split(" ", 1)[0])).toBe(record.length);
    expect([...parsePax(record)]).toEqual([["k", "v".repeat(bytes)]]);
  },
);

import { expect, test } from "bun:test";
import fc from "fast-check";
import { pull } from "./byte-parser.ts";
import { runs } from "./testing/budget.ts";

const failed = (problem: string) => new Error(problem);

/** Length, then that many bytes, twice; then any number of bytes. */
function collector() {
  const seen: string[] = [];
  function* parse(): Generator<number, void, Buffer> {
    for (let round = 0; round < 2; round++) {
      const [length = 0] = yield 1;
      seen.push(length === 0 ? "" : (yield length).toString("latin1"));
    }
    let rest = "";
    seen.push(rest);
    for (;;) {
      rest += (yield 0).toString("latin1");
      seen[2] = rest;
    }
  }
  return { seen, parser: pull(parse, failed) };
}

const whole = Buffer.from("\x03abc\x05defghthe rest");

test("the result does not depend on how the input is split", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: whole.length - 1 })), (places) => {
      const { seen, parser } = collector();
      const cuts = [0, ...places.toSorted((a, b) => a - b), whole.length];
      for (const [at, cut] of cuts.entries()) parser.push(new Uint8Array(whole.subarray(cut, cuts[at + 1] ?? cut)));
      parser.end();
      expect(seen).toEqual(["abc", "defgh", "the rest"]);
    }),
    { numRuns: runs(200) },
  );
});

test("an end in the middle of a required field is an error, one where any number of bytes can follow is not", () => {
  for (let length = 0; length < whole.length; length++) {
    const { parser } = collector();
    parser.push(whole.subarray(0, length));
    if (length < 10) expect(() => parser.end()).toThrow("ends too early");
    else parser.end();
  }
});

test("bytes after a parser's own end are an error", () => {
  function* one(): Generator<number, void, Buffer> {
    yield 1;
  }
  const parser = pull(one, failed);
  parser.push(Uint8Array.of(1));
  parser.end();
  expect(() => parser.push(Uint8Array.of(2))).toThrow("continues after its end");
});

test("push throws what the parser throws, and accepts nothing afterwards", () => {
  function* refuses(): Generator<number, void, Buffer> {
    yield 2;
    throw new Error("no");
  }
  const parser = pull(refuses, failed);
  expect(() => parser.push(Buffer.from("abc"))).toThrow("no");
  expect(() => parser.push(Buffer.from("d"))).toThrow();
});

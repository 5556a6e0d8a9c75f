import { expect, test } from "bun:test";
import fc from "fast-check";
import { bytesOfPath, showBytes, textOfPath } from "./path-bytes.ts";

const bytesOf = (path: string) => Buffer.from(bytesOfPath(path) as Uint8Array);

test("a UTF-8 name is unchanged", () => {
  expect(textOfPath(Buffer.from("grüße"))).toBe("grüße");
  expect(bytesOfPath("grüße")).toBe("grüße");
});

test("other bytes become surrogates, valid characters beside them stay", () => {
  const name = Buffer.from([0x61, 0xff, 0xc3, 0xbc, 0xc3, 0x2f]);
  expect(textOfPath(name)).toBe("a\udcffü\udcc3/");
  expect(bytesOfPath(textOfPath(name))).toEqual(name);
});

test("other bytes are shown by their numbers", () => {
  expect(showBytes("a\udcff\u{1f480}\udc80")).toBe("a\\xff\u{1f480}\\x80");
});

test("any bytes survive the round trip", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
      expect(bytesOf(textOfPath(bytes))).toEqual(Buffer.from(bytes));
    }),
  );
});

import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { configIn, releaseIn } from "./elf-facts.ts";

const text = (value: string) => new TextEncoder().encode(value);

test("the release stands in the banner", () => {
  expect(releaseIn(text("xx Linux version %s (%s) Linux version 6.9.1-own (me@host) "))).toBe("6.9.1-own");
  expect(releaseIn(text("Linux version of nothing"))).toBeNull();
});

test("the configuration is between its marks, or there is none", () => {
  const config = "CONFIG_PVH=y\n";
  const elf = Buffer.concat([text("abcIKCFG_ST"), gzipSync(config), text("IKCFG_EDxyz")]);
  expect(configIn(new Uint8Array(elf))).toBe(config);
  expect(configIn(text("IKCFG_STnothing packedIKCFG_ED"))).toBeNull();
  expect(configIn(text("nothing"))).toBeNull();
});

test("any bytes get an answer, and a release is one", () => {
  const mark = fc.constantFrom("IKCFG_ST", "IKCFG_ED", "Linux version ", "6.1.0", " (", "../..", "\x1f\x8b\x08", "\0");
  const piece = fc.oneof(
    mark.map((one) => new Uint8Array(Buffer.from(one, "latin1"))),
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(new Uint8Array(gzipSync("CONFIG_X=y\n"))),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const elf = new Uint8Array(Buffer.concat(pieces));
      expect(releaseIn(elf) ?? "6.1").toMatch(/^[0-9][\w.+~-]{0,63}$/);
      expect(typeof (configIn(elf) ?? "")).toBe("string");
    }),
    { numRuns: runs(500) },
  );
});

import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { configIn, maxBanners, releaseIn } from "./elf-facts.ts";

const text = (value: string) => new TextEncoder().encode(value);

test("the release is in the banner", async () => {
  expect(await releaseIn(text("xx Linux version %s (%s) Linux version 6.9.1-own (me@host) "))).toBe("6.9.1-own");
  expect(await releaseIn(text("Linux version of nothing"))).toBeNull();
});

test("the configuration is between its marks, or there is none", async () => {
  const config = "CONFIG_PVH=y\n";
  const elf = Buffer.concat([text("abcIKCFG_ST"), gzipSync(config), text("IKCFG_EDxyz")]);
  expect(await configIn(new Uint8Array(elf))).toBe(config);
  expect(await configIn(text("IKCFG_STnothing packedIKCFG_ED"))).toBeNull();
  expect(await configIn(text("nothing"))).toBeNull();
});

test("any bytes get an answer, and a release in it is well-formed", async () => {
  const mark = fc.constantFrom("IKCFG_ST", "IKCFG_ED", "Linux version ", "6.1.0", " (", "../..", "\x1f\x8b\x08", "\0");
  const piece = fc.oneof(
    mark.map((one) => new Uint8Array(Buffer.from(one, "latin1"))),
    fc.uint8Array({ maxLength: 40 }),
    fc.constant(new Uint8Array(gzipSync("CONFIG_X=y\n"))),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      const elf = new Uint8Array(Buffer.concat(pieces));
      expect((await releaseIn(elf)) ?? "6.1").toMatch(/^[0-9][\w.+~-]{0,63}$/);
      expect(typeof ((await configIn(elf)) ?? "")).toBe("string");
    }),
    { numRuns: runs(500) },
  );
});

test("the banner is searched in a limited number of places, and one beyond is not found", async () => {
  const after = (others: number) => text(`${"Linux version ".repeat(others)}Linux version 6.1.0 (me@host)`);
  expect(await releaseIn(after(maxBanners - 1))).toBe("6.1.0");
  expect(await releaseIn(after(maxBanners))).toBeNull();
});

test("a mark across two search pieces is found", async () => {
  for (const before of [4 * 1024 ** 2 - 14, 4 * 1024 ** 2 - 5, 4 * 1024 ** 2]) {
    const elf = new Uint8Array(Buffer.concat([Buffer.alloc(before), text("Linux version 6.1.0 (me@host)")]));
    expect(await releaseIn(elf)).toBe("6.1.0");
  }
});

test("a configuration of 4 MiB is read, packed or unpacked, and one byte more is not", async () => {
  const unpacked = (bytes: number) => Buffer.concat([text("IKCFG_ST"), gzipSync("#".repeat(bytes)), text("IKCFG_ED")]);
  expect(await configIn(new Uint8Array(unpacked(4_194_304)))).toHaveLength(4_194_304);
  expect(await configIn(new Uint8Array(unpacked(4_194_305)))).toBeNull();
  // gzip's header can contain a name of any length; the mark behind it counts too
  const packed = (bytes: number) => {
    const [plain, name] = [gzipSync("CONFIG_X=y\n"), 0x08];
    const header = Buffer.from(plain.subarray(0, 10));
    header[3] = name;
    const filler = Buffer.alloc(bytes - plain.length - "IKCFG_ED".length, "n");
    filler[filler.length - 1] = 0;
    return Buffer.concat([text("IKCFG_ST"), header, filler, plain.subarray(10), text("IKCFG_ED")]);
  };
  expect(await configIn(new Uint8Array(packed(4_194_304)))).toBe("CONFIG_X=y\n");
  expect(await configIn(new Uint8Array(packed(4_194_305)))).toBeNull();
});

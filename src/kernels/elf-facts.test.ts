import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
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

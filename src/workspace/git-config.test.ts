import { expect, test } from "bun:test";
import fc from "fast-check";
import { runs } from "../base/testing/budget.ts";
import { GitConfig, parseGitConfig, quoteConfigValue, quoteSubsection } from "./git-config.ts";

test("hostile sizes are parsed in bounded time", () => {
  // this process's CPU time: other work on the host is not the parser's fault
  const started = process.cpuUsage();
  parseGitConfig(`[a]\n${'k = "'.repeat(200_000)}`);
  parseGitConfig("[".repeat(1_000_000));
  parseGitConfig(`[a "${"\\\\".repeat(400_000)}`);
  parseGitConfig(`${"[a]\nk=v\n".repeat(100_000)}`);
  parseGitConfig(`[a]\nk = ${" ".repeat(1_000_000)}x`);
  parseGitConfig(" ".repeat(1_000_000));
  expect(process.cpuUsage(started).user / 1000).toBeLessThan(3000);
});

test("booleans and subsections", () => {
  const config = parseGitConfig(
    '[a]\nyes = on\nno = 0\nbare\nempty =\nodd = maybe\n[s "x.y"]k=1\n[s "z"]k=2\n[sx "w"]k=3\n[s]k=4',
  );
  expect(["a.yes", "a.no", "a.bare", "a.empty", "a.odd", "a.none"].map((key) => config.bool(key))).toEqual([
    true,
    false,
    true,
    false,
    undefined,
    undefined,
  ] as never);
  expect(config.subsections("s")).toEqual(["x.y", "z"]);
  expect(new GitConfig().subsections("s")).toEqual([]);
});

test("subsections and values survive being written and parsed", () => {
  const text = fc.string({ unit: fc.constantFrom("a", " ", '"', "\\", "\n", "\t", "#", ";", "=", "[", "]", "\u00e9") });
  fc.assert(
    fc.property(text, text, (section, value) => {
      const quoted = quoteSubsection(section);
      if (quoted === null) return expect(section).toContain("\n");
      const config = parseGitConfig(`[a ${quoted}]\n\tk = ${quoteConfigValue(value)}\n`);
      expect([config.broken, config.get(`a.${section}.k`)]).toEqual([false, value]);
    }),
  );
});

test("any bytes give a configuration", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => expect(parseGitConfig(text)).toBeInstanceOf(GitConfig)),
    { numRuns: runs(100) },
  );
});

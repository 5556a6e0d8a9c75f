import { expect, test } from "bun:test";
import { parseStat, processStats } from "./process-stats.ts";

test("fields are counted from the end of the name, which can contain anything", () => {
  const stat =
    "42 (a) b (c)) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 12345 1000000 256 18446744073709551615";
  expect(parseStat(stat)).toEqual({ rssBytes: 256 * 4096, cpuMs: 2000 });
});

test("a real process has memory", async () => {
  expect((await processStats(process.pid)).rssBytes).toBeGreaterThan(1024 * 1024);
});

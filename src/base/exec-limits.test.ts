import { expect, test } from "bun:test";
import { execProblem, maxAll, maxString } from "./exec-limits.ts";

test("one string can have 128 KiB with its NUL, and not a byte more", () => {
  const fits = "x".repeat(maxString - 1);
  expect(execProblem(["a", fits], {})).toBeNull();
  expect(execProblem(["a", `${fits}x`], {})).toBe(
    "argument 1 has 131072 bytes, and Linux takes up to 131071 in one string",
  );
  expect(execProblem(["a"], { NAME: fits.slice(5) })).toBeNull();
  expect(execProblem(["a"], { NAME: fits.slice(4) })).toContain("variable NAME has 131072 bytes");
  expect(execProblem([`${fits}x`], {})).toContain("its name has 131072 bytes");
});

test("bytes count, in UTF-8 and in other strings", () => {
  expect(execProblem(["é".repeat(65_535)], {})).toBeNull();
  expect(execProblem(["é".repeat(65_536)], {})).not.toBeNull();
  expect(execProblem(["\udcff".repeat(maxString - 1)], {})).toBeNull();
});

test("all strings together can have 2 MiB, with a pointer for each", () => {
  const words = (count: number) => Array<string>(count).fill("x".repeat(1015));
  expect(maxAll / (1015 + 1 + 8)).toBe(2048);
  expect(execProblem(words(2048), {})).toBeNull();
  expect(execProblem(words(2048), { A: "" })).toBe(
    "its 2048 words and 1 variables take 2097163 bytes, and Linux takes up to 2097152 in all",
  );
  expect(execProblem(Array<string>(200_000).fill("a"), {})).toBeNull();
});

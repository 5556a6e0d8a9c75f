import { expect, test } from "bun:test";
import fc from "fast-check";
import type { BangerError } from "../base/errors/error.ts";
import { runs } from "../base/testing/budget.ts";
import type { CliContext } from "./context.ts";
import { type EnvFlags, environmentOf, parseEnvFile } from "./environment.ts";

const here = { HOME: "/me", EMPTY: "" };

function parsed(text: string): Record<string, string> {
  return Object.fromEntries(parseEnvFile("f", new TextEncoder().encode(text), here));
}

const files: [string, Record<string, string>][] = [
  ["A=1\nB=2\n", { A: "1", B: "2" }],
  ["A=1\r\nB=\r\n", { A: "1", B: "" }],
  ["\ufeffA=1", { A: "1" }],
  ["# A=1\n\n   \n  # B=2\n  C=3", { C: "3" }],
  ["A='1' # \"no\" quoting \n", { A: "'1' # \"no\" quoting " }],
  ["A=b=c", { A: "b=c" }],
  ["A= x ", { A: " x " }],
  ["HOME\nEMPTY\nNOT_SET\n", { HOME: "/me", EMPTY: "" }],
  ["A=1\nA=2", { A: "2" }],
  ["__proto__=1\nconstructor", { ["__proto__"]: "1" }],
  ["my.dotted-name=1\n1A=2\nA-B\nA/B:C=3", { "my.dotted-name": "1", "1A": "2", "A/B:C": "3" }],
  ["", {}],
];
for (const [text, variables] of files) {
  test(`an env file ${JSON.stringify(text)}`, () => {
    expect(Object.entries(parsed(text))).toEqual(Object.entries(variables));
  });
}

const refused: [string | Uint8Array, RegExp][] = [
  ["A=1\n=secret", /"f" line 2 has no name before its =/],
  ["A=1\n\nB C=secret", /line 3 has white space in its name/],
  ["A =secret", /line 1 has white space in its name/],
  ["A\t=secret", /line 1 has white space in its name/],
  ["export A=secret", /line 1 has white space in its name/],
  ["A=secret\0", /line 1 has a NUL byte/],
  [Uint8Array.of(0x41, 0x3d, 0x31, 0x0a, 0x42, 0x3d, 0xff), /line 2 is not UTF-8/],
];
for (const [content, problem] of refused) {
  test(`an env file is refused: ${problem.source}`, () => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    let error: unknown;
    try {
      parseEnvFile("f", bytes, here);
    } catch (thrown) {
      error = thrown;
    }
    expect((error as Error).message).toMatch(problem);
    expect(JSON.stringify((error as BangerError).toWire())).not.toContain("secret");
  });
}

test("a line can be as long as Linux accepts", () => {
  const value = "x".repeat(131_069);
  expect(parsed(`A=${value}`)).toEqual({ A: value });
});

test("any value is read back unchanged", () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/);
  const value = fc.string({ unit: "grapheme" }).filter((text) => !/[\n\r\0]/.test(text));
  fc.assert(
    fc.property(fc.dictionary(name, value, { noNullPrototype: true }), (variables) => {
      const lines = Object.entries(variables).map(([key, text]) => `${key}=${text}`);
      expect(parsed(lines.join("\n"))).toEqual(variables);
    }),
    { numRuns: runs(100) },
  );
});

async function given(flags: EnvFlags, contents: Record<string, string> = {}): Promise<Record<string, string>> {
  const readInput = async (path: string) => {
    const text = contents[path];
    if (text === undefined) throw Object.assign(new Error(), { code: "ENOENT" });
    return new TextEncoder().encode(text);
  };
  return environmentOf({ env: here, readInput } as unknown as CliContext, flags);
}

test("files apply in order, and --env after them", async () => {
  const contents = { a: "A=1\nB=1\nC=1", "-": "B=2\nC=2" };
  expect(await given({ envFile: ["a", "-"], env: ["C=3", "HOME"] }, contents)).toEqual({
    A: "1",
    B: "2",
    C: "3",
    HOME: "/me",
  });
});

test("a missing file is named", async () => {
  expect(given({ envFile: ["no"] })).rejects.toThrow('--env-file: "no" can\'t be used: there is no such file');
});

test("any name without = is accepted, as by docker", async () => {
  const env = ["FOO.BAR=1", "A-B=2", "1=3", "A B=4", "\udcff=\udcfe"];
  expect(await given({ env })).toEqual({ "FOO.BAR": "1", "A-B": "2", "1": "3", "A B": "4", "\udcff": "\udcfe" });
});

test("a refused --env is named without its value", async () => {
  expect(given({ env: ["=secret"] })).rejects.toThrow("has no name before its =");
  expect(given({ env: ["NOT_SET"] })).rejects.toThrow("the variable is not set here");
});

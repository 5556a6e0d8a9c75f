/** Compares the parser with git: what git reads, we read the same; what git refuses, we mark as broken. */
import { afterAll, expect } from "bun:test";
import * as fs from "node:fs";
import fc from "fast-check";
import { gatedTest } from "../host/testing/gate.ts";
import { tempFolder } from "../host/testing/temp.ts";
import { parseGitConfig, quoteConfigValue, quoteSubsection } from "./git-config.ts";

const base = tempFolder("config");
afterAll(() => base[Symbol.dispose]());

const folder = fs.mkdtempSync(`${base.path}/`);

/** `key\nvalue` pairs as git prints them; null when git refuses the file. */
function asGit(text: string): string[] | null {
  fs.writeFileSync(`${folder}/config`, Buffer.from(text, "latin1"));
  const env = { PATH: process.env["PATH"] ?? "", HOME: folder };
  const { stdout, exitCode } = Bun.spawnSync(["git", "config", "--file", `${folder}/config`, "--null", "--list"], {
    env,
  });
  if (exitCode !== 0) return null;
  return Buffer.from(stdout)
    .toString("latin1")
    .split("\0")
    .slice(0, -1)
    .map((item) => (item.includes("\n") ? item : `${item}\ntrue`));
}

function sameAsGit(text: string): void {
  const expected = asGit(text);
  const config = parseGitConfig(text);
  if (expected === null) return expect([text, config.broken]).toEqual([text, true]);
  expect([text, config.broken]).toEqual([text, false]);
  const keys = new Set(expected.map((item) => item.slice(0, item.indexOf("\n"))));
  for (const key of keys) {
    const values = expected
      .filter((item) => item.slice(0, item.indexOf("\n")) === key)
      .map((item) => item.slice(item.indexOf("\n") + 1));
    expect([text, key, config.all(key).map(spaces)]).toEqual([text, key, values.map(spaces)]);
  }
}

/** White space in an unquoted value: older gits replace each by a space, newer ones keep it. */
function spaces(value: string): string {
  return value.replaceAll(/[\t\r]/g, " ");
}

const rows = [
  "",
  "[core]\n\tbare = false\n\tfilemode=true\n",
  '[remote "origin"]\n\turl = https://x/y\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n',
  '[branch "a \\"b\\" \\\\c"] merge = refs/heads/x',
  "[Core]\n\tFileMode\n[CORE] eol = lf ; comment\n",
  "[a.b.C]\nk = v\n",
  '[a]\nk = "quoted # ; " and not # comment\n',
  '[a]\nk = one \\\n  two\nl = a\\tb\\nc\\\\\\"\n',
  "[a]\nk = trailing   \t\n",
  "[a]\nk = in  side\t x\n",
  "[a]\r\nk = v\r\n[b]\r\nk = \\\r\nv\r\n",
  "\xef\xbb\xbf[a]\nk = bom\n",
  '[a]\nk = "open\n',
  "[a]\nk = bad \\x escape\n",
  "k = no section\n",
  "[a\nk = v\n",
  '[a "b\nc"]\nk = v\n',
  "[a]\n1k = v\n",
  "[a]\nk v\n",
  "# comment\n; other\n[a] # after\nk = v # c\n",
  '[a]\nk =\n[b]k=""\n',
  "[a]\nk=v\n[a]\nk=w\n",
  "[a][b]k=v",
  "[a] k = v [b]\n",
  "[a]\nk",
  "[a]\nk = v\\",
];
for (const text of rows) gatedTest("tool:git", `as git reads it: ${JSON.stringify(text)}`, () => sameAsGit(text));

gatedTest(
  "tool:git",
  "as git reads it: anything",
  () => {
    const piece = fc.constantFrom(
      "[",
      "]",
      "a",
      "core",
      " ",
      "\t",
      "\n",
      "\n\t",
      "=",
      '"',
      "\\",
      "\\\n",
      "#",
      ";",
      "k",
      "v1",
      ".",
      "-",
      "\r\n",
      "\\n",
      "\\t",
      "\xe9",
      "[a]\n",
      '[b "c"]\n',
      "k = v\n",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 24 }), (pieces) => sameAsGit(pieces.join(""))),
      { numRuns: 250 },
    );
  },
  30_000,
);

gatedTest(
  "tool:git",
  "what we write, git and we read back",
  () => {
    const value = fc.string({
      unit: fc.constantFrom("a", " ", '"', "\\", "\n", "\t", "#", ";", "\b", "=", "[", "é".charAt(0)),
    });
    const name = value.filter((text) => !text.includes("\n") && text !== "");
    fc.assert(
      fc.property(name, value, (section, each) => {
        const text = `[a ${quoteSubsection(section)}]\n\tk = ${quoteConfigValue(each)}\n`;
        expect(parseGitConfig(text).get(`a.${section}.k`)).toBe(each);
        expect(asGit(text)).toEqual([`a.${section}.k\n${each}`]);
      }),
      { numRuns: 100 },
    );
  },
  30_000,
);

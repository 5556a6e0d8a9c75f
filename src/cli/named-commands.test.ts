/** Every `banger …` that a message, a hint, a help text, a comment or a page names is a command line that banger takes. */
import { expect, test } from "bun:test";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Application,
  buildApplication,
  type Command,
  type PartialApplicationConfiguration,
  type RouteMap,
  run,
} from "@stricli/core";
import { buildApp } from "./app.ts";
import type { CliContext } from "./context.ts";
import { splitArgv } from "./main.ts";

const root = join(import.meta.dirname, "../..");
const app = buildApp("0.0.0", []) as Application<CliContext>;

/** for a value that is put in when it is said: a name, mostly */
const said = "said-later";

/** What stands between backticks behind `banger `, with `said` for each value. */
function namedInSource(text: string): string[] {
  const escaped = [...text.matchAll(/\\`banger ([^`\\]+)\\`/g)];
  const inStrings = text.split("\n").flatMap((line) => {
    const places = /^\s*(?:\/?\*|\/\/)/.test(line)
      ? [line]
      : (line.match(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g) ?? []);
    return places.flatMap((place) => [...place.matchAll(/`banger ([^`]+)`/g)]);
  });
  // right behind a word stands what may be left out, as in `vm run${flag}`
  const spoken = (words: string) => words.replace(/(?<=\w)\$\{[^{}]*\}/g, "").replace(/\$\{[^{}]*\}/g, said);
  return [...escaped, ...inStrings].map(([, words = ""]) => spoken(words));
}

/** Also each line of a block of commands, without its prompt and what the shell takes of it. */
function namedInPage(text: string): string[] {
  const inline = [...text.matchAll(/`banger ([^`]+)`/g)].map(([, words = ""]) => words.replace(/\n/g, " "));
  const blocks = [...text.matchAll(/^```.*?\n(.*?)^```/gms)].map(([, block = ""]) => block);
  const lines = blocks
    .flatMap((block) => block.split("\n"))
    .flatMap((line) => line.replace(/\s#.*/, "").split(/&&|\|/));
  const typed = lines.map((line) => /^\s*(?:\$ )?banger (.+)$/.exec(line)?.[1]?.replace(/>.*/, "") ?? "");
  return [...inline, ...typed.filter((words) => words !== "")];
}

/** Made of the hints and the help pages themselves; of earlier versions. */
const notPages = ["docs/errors.md", "docs/cli.md", "CHANGELOG.md"];

function named(): [place: string, words: string][] {
  const read = (path: string) => readFileSync(join(root, path), "utf8");
  const sources = globSync("src/**/*.ts", { cwd: root }).filter((path) => !/\.test\.ts$|\/testing\//.test(path));
  const rust = globSync("agent/src/**/*.rs", { cwd: root });
  const pages = globSync(["*.md", "docs/**/*.md"], { cwd: root }).filter((path) => !notPages.includes(path));
  return [
    ...[...sources, ...rust].flatMap((path) =>
      namedInSource(read(path)).map((words): [string, string] => [path, words]),
    ),
    ...pages.flatMap((path) => namedInPage(read(path)).map((words): [string, string] => [path, words])),
  ];
}

const values: Record<string, string> = { SIZE: "2G", N: "2", TIME: "30s", KIND: "none", "K=V": "K=V" };

/** As typed: placeholders have a value, what may be left out is there. */
function argvOf(text: string): string[] {
  const words = text.replace(/[[\]]/g, "").match(/'[^']*'|"[^"]*"|\S+/g) ?? [];
  return words.map(
    (word) =>
      values[word] ??
      (/^[A-Z][A-Z/:@|]*(?:\.toml)?$/.test(word) ? word.toLowerCase() : word.replace(/^(['"])(.*)\1$/, "$2")),
  );
}

/** What is wrong with a command line, null: nothing. A command without any word behind it is a name, and need not be complete. */
async function problemOf(text: string): Promise<string | null> {
  const { own } = splitArgv(argvOf(text));
  let target: RouteMap<CliContext> | Command<CliContext> = app.root;
  const words = [...own];
  while ("getRoutingTargetForInput" in target) {
    const [word] = words;
    if (word === undefined || word === "…" || word === said || /^--(?:help|version)$/.test(word)) return null;
    const next: RouteMap<CliContext> | Command<CliContext> | undefined = target.getRoutingTargetForInput(word);
    if (next === undefined) return `there is no "${word}"`;
    target = next;
    words.shift();
  }
  if (words.length === 0 || words[0] === "…") return null;
  const problem = await refusalOf(target, words);
  // it may stand for a flag
  return problem !== null && words.at(-1) === said ? refusalOf(target, words.slice(0, -1)) : problem;
}

async function refusalOf(command: Command<CliContext>, words: string[]): Promise<string | null> {
  let printed = "";
  const write = (chunk: string) => {
    printed += chunk;
  };
  const harmless = { ...command, loader: async () => () => {} } as Command<CliContext>;
  const one = buildApplication(harmless, app.config as PartialApplicationConfiguration);
  const ended: { exitCode?: number } = {};
  const context = { process: Object.assign(ended, { stdout: { write }, stderr: { write }, env: {} }) };
  await run(one, words, context as never);
  return ended.exitCode === 0 ? null : (printed.trim().split("\n")[0] ?? "");
}

test("every command that is named anywhere is one", async () => {
  const all = named();
  expect(all.length).toBeGreaterThan(250);
  const wrong: string[] = [];
  for (const [place, words] of all) {
    const problem = await problemOf(words);
    if (problem !== null) wrong.push(`${place}: banger ${words}: ${problem}`);
  }
  expect(wrong).toEqual([]);
});

test("every example of a help page is a command line that banger takes", async () => {
  const lines = helpPages(app.root, ["banger"]).flatMap((page) => [...page.matchAll(/^ {2}\$ (.+)$/gm)]);
  const typed = lines.flatMap(([, line = ""]) => line.split(/&&|\|/)).filter((part) => /^\s*banger /.test(part));
  expect(typed.length).toBeGreaterThan(20);
  for (const line of typed)
    expect([line, await problemOf(line.replace(/^\s*banger | > .*$/g, "").trim())]).toEqual([line, null]);
});

function helpPages(target: RouteMap<CliContext> | Command<CliContext>, prefix: string[]): string[] {
  const { documentation: config } = app.config;
  const page = target.formatHelp({
    ...{ prefix, config, text: app.defaultText, ansiColor: false, additionalFlags: [] },
    ...{ includeArgumentEscapeSequenceFlag: false, includeHidden: false },
  });
  if (!("getAllEntries" in target)) return [page];
  const below = target.getAllEntries().flatMap((entry) => helpPages(entry.target, [...prefix, entry.name.original]));
  return [page, ...below];
}

test("a wrong noun, verb, flag, value or number of arguments is noticed", async () => {
  for (const words of ["vms ls", "vm lst", "vm run --imag x", "vm run --vcpu lots", "image ls extra", "vm rename a"])
    expect([words, await problemOf(words)]).toEqual([words, expect.stringMatching(/./)]);
  expect(await problemOf("vm run --image x -- no --such flag")).toBeNull();
});

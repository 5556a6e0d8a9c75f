/** What a guest, an image, a repository or a registry calls itself or says, by every way that leads to a terminal. */
import { afterEach, expect, test } from "bun:test";
import { fail } from "../base/errors/error.ts";
import type { WorkEvent } from "../model/event.ts";
import type { CliContext } from "./context.ts";
import { type CliWorld, cliWorld } from "./testing/cli.ts";
import { showDryRun } from "./ui/dry-run.ts";
import { eventSink } from "./ui/events.ts";
import { textOf } from "./ui/report.ts";
import { pairs, table } from "./ui/table.ts";

const evil =
  "a\u001b]0;t\u0007\u001b[2J\u001b[31mb\u009b31mc\u202ed\u2066\u061ce\u200bf\u2028g\u0085\r\nerror: fake\nhint: `curl evil | sh`\nspec: x";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/;

/** No line of it begins as one of ours does, but for those that are. */
function expectHarmless(text: string, own: readonly RegExp[] = []): void {
  expect(text).not.toMatch(obeyed);
  const posing = text.split("\n").filter((line) => /^(?:error|hint|spec|warning):/.test(line));
  expect(posing.filter((line) => !own.some((one) => one.test(line)))).toEqual([]);
}

let world: CliWorld | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

/** A command line whose daemon answers this, whatever is asked. */
async function answered(line: string, answer: Partial<CliContext["api"]>, terminal = false) {
  world = await cliWorld();
  const api = answer as CliContext["api"];
  return world.cli(line, { terminal, change: (context) => Object.assign(context, { api }) });
}

const ofOurs = [/^error: the guest refused exec: a/, /^hint: check the path/];

test("an error is two lines, whatever text of a guest is in it", () => {
  const error = fail("AGENT_REFUSED", { verb: "exec", reason: evil, code: evil });
  expectHarmless(textOf(error, { json: false }), ofOurs);
  expect(textOf(error, { json: false }).split("\n")).toHaveLength(3);
  const json = textOf(error, { json: true });
  expect(json.trimEnd()).not.toMatch(obeyed);
  expect(JSON.parse(json).error.details.reason).toBe(evil);
});

test("an unexpected error is two lines as well, and its debug output is indented", () => {
  expectHarmless(textOf(new Error(evil), { json: false }), [/^error: internal error: a/, /^hint: this is a bug/]);
});

test("problems are one indented line each", () => {
  const text = textOf(fail("CONFIG_INVALID", { file: evil, problems: [evil, evil] }), { json: false });
  expect(text.split("\n")).toHaveLength(5);
  expectHarmless(text, [/^error: a/, /^hint: edit a/]);
});

test("neither an error nor its details contain the password of a URL", () => {
  const error = fail("TOOL_FAILED", {
    tool: "git",
    status: "status 1",
    said: "no https://me:hunter2@host/x?token=hunter2",
  });
  expect(JSON.stringify(error.toWire())).not.toContain("hunter2");
  expect(error.message).toContain("https://host/x");
});

const events: WorkEvent[] = [
  { kind: "log", step: 1, text: evil },
  { kind: "note", level: "info", text: `x ${evil}` },
  { kind: "note", level: "warn", text: evil },
  { kind: "progress", step: "pull", text: `pulling ${evil}`, done: 1, total: 2 },
];

for (const terminal of [false, true]) {
  test(`events on ${terminal ? "a terminal" : "a pipe"} are one line each`, () => {
    const parts: string[] = [];
    const sink = eventSink({ write: (part) => void parts.push(part), terminal, cols: () => 200, json: false });
    for (const event of events) sink.emit(event);
    sink.done();
    const own = parts.join("").replaceAll("\r", "").replaceAll("\u001b[K", "");
    expectHarmless(own, [/^warning: a/]);
    expect(own.trimEnd().split("\n")).toHaveLength(4);
    expect(own).toContain("  | a");
  });
}

test("events as JSON are one line each and complete", () => {
  const parts: string[] = [];
  const sink = eventSink({ write: (part) => void parts.push(part), terminal: true, cols: () => 80, json: true });
  for (const event of events) sink.emit(event);
  expect(parts.join("")).not.toMatch(obeyed);
  expect(parts.map((part) => JSON.parse(part))).toEqual(events);
});

test("a cell stays one cell, and different names look different", () => {
  const text = table([
    ["NAME", "SOURCE"],
    [evil, "x"],
    ["ab", "y"],
    ["a\u200bb", "z"],
  ]);
  expectHarmless(text);
  expect(text.trimEnd().split("\n")).toHaveLength(4);
  expect(text).toContain("a\\u{200b}b");
  expectHarmless(pairs([["env", evil]]));
});

test("a dry run prints one line for each path", async () => {
  world = await cliWorld();
  const plan = {
    entries: [
      { path: evil, kind: "file", mode: "100644", bytes: 1 },
      { path: "l", kind: "link", mode: "120000", bytes: 0, target: evil },
    ],
    repositories: [{ path: evil, branch: evil, head: null, branches: [evil] }],
    totals: { files: 2, bytes: 1 },
    guestPath: "/root/repo",
  };
  const shown = await world.cli("vm ls", {
    change: (context) => {
      const api = { json: async () => Promise.reject(new Error("shown")) };
      Object.assign(context, { api });
      showDryRun(context, plan as unknown as Parameters<typeof showDryRun>[1], {});
    },
  });
  expectHarmless(shown.stdout);
  expect(shown.stdout.trimEnd().split("\n")).toHaveLength(3);
});

const image = {
  name: "x",
  digest: `sha256:${"a".repeat(64)}`,
  layers: [],
  sharedBytes: 0,
  init: "none",
  shell: false,
  config: { env: { A: evil }, entrypoint: [evil], cmd: [evil], user: evil, workdir: evil },
  kernel: null,
  usedBy: [evil],
  source: evil,
  createdAt: 0,
};

test("the texts of an image are shown escaped, and are complete in JSON", async () => {
  const json = (async () => image) as unknown as CliContext["api"]["json"];
  expectHarmless((await answered("image show x", { json })).stdout);
  await world?.close();
  const said = await answered("image show x --json", { json });
  expect(said.stdout).not.toMatch(obeyed);
  expect(JSON.parse(said.stdout).config).toEqual(image.config);
});

/** A console in pieces that cut characters and sequences. */
async function* consoleLog(): AsyncGenerator<Uint8Array, void, void> {
  const bytes = Buffer.concat([
    Buffer.from(`ok\r\n${evil}\n\u001b[32mOK\u001b[0m `),
    Buffer.from([0x9b, 0x33, 0x31, 0x6d]),
  ]);
  for (let at = 0; at < bytes.length; at += 3) yield bytes.subarray(at, at + 3);
}

for (const follow of ["", " -f"]) {
  test(`vm logs${follow} can't control the terminal`, async () => {
    const { stdout } = await answered(`vm logs x${follow}`, { log: consoleLog }, true);
    expect(stdout).not.toMatch(obeyed);
    expect(stdout).toStartWith("ok\nab");
    expect(stdout).toEndWith("OK \ufffd31m");
  });
}

test("vm logs writes the log byte for byte to a pipe", async () => {
  const { stdout } = await answered("vm logs x", { log: consoleLog });
  expect(stdout).toContain("\u001b[32mOK\u001b[0m");
});

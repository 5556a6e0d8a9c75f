import { expect, test } from "bun:test";
import { type Application, type Command, type RouteMap, run } from "@stricli/core";
import { buildApp } from "./app.ts";
import type { CliContext } from "./context.ts";

type Target = Command<CliContext> | RouteMap<CliContext>;

const { root } = buildApp("1.2.3", []) as Application<CliContext>;

/** Every command and group with its words, without `banger`. */
function targets(target: Target = root, path: string[] = []): [path: string, target: Target][] {
  const here: [string, Target] = [path.join(" "), target];
  if (!("getAllEntries" in target)) return [here];
  return [here, ...target.getAllEntries().flatMap(({ name, target }) => targets(target, [...path, name.original]))];
}

async function helpOf(path: string): Promise<string> {
  let printed = "";
  const write = (text: string) => {
    printed += text;
  };
  const words = [...path.split(" ").filter((word) => word !== ""), "--help"];
  const context = { process: { stdout: { write }, stderr: { write }, env: {} } };
  await run(buildApp("1.2.3", words), words, context as unknown as CliContext);
  return printed;
}

const all = targets().map(([path, target]) => ({ path, target }));

test.each(all)(
  "`banger $path --help` starts with a brief and its usage, within 80 columns",
  async ({ path, target }) => {
    const page = await helpOf(path);
    const command = ["banger", ...path.split(" ")].join(" ").trimEnd();
    const [description, rest = ""] = page.split("\n\nUSAGE\n");
    expect(description).toMatch(/^[a-z][\s\S]*[^.\s]$/);
    expect(target.brief).not.toContain("\n");
    expect(rest).toStartWith(`  ${command} `);
    for (const line of page.split("\n")) expect([line, line.length <= 80 && !line.endsWith(" ")]).toEqual([line, true]);
    expect(page).not.toMatch(/\[--|<(?!\()|undefined/);
  },
);

test.each(all)("`banger $path --help` shows every flag, with a placeholder if it takes a value", async (one) => {
  const { path, target } = one;
  const page = await helpOf(path);
  expect(page).toMatch(/^ {2}-h, --help +show this help$/m);
  const flags = "parameters" in target ? Object.entries(target.parameters.flags ?? {}) : [];
  for (const [name, flag] of flags) {
    if ("hidden" in flag && flag.hidden) continue;
    const dashed = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const value = flag.kind === "boolean" ? "" : " [A-Z][A-Za-z=|]*";
    const negated = flag.kind === "boolean" && flag.withNegated !== false ? `, --no-${dashed}` : "";
    expect(page).toMatch(new RegExp(`^ {2}(?:-\\w, |    )+--${dashed}${negated}${value}(?: {2}|$)`, "m"));
  }
});

test.each([
  ["vm run", ["vm run [flags] [FOLDER]", "vm run [flags] [FOLDER] -- COMMAND [ARG]..."]],
  ["vm exec", ["vm exec [flags] VM -- COMMAND [ARG]..."]],
  ["vm ssh", ["vm ssh [flags] VM", "vm ssh [flags] VM -- [SSH-OPTION]... [COMMAND [ARG]...]"]],
  ["vm create", ["vm create [flags]"]],
  ["vm stop", ["vm stop [flags] VM..."]],
  ["vm rename", ["vm rename [flags] VM NEW"]],
  ["vm snapshot", ["vm snapshot [flags] VM [NAME]"]],
  ["vm fork", ["vm fork [flags] VM [NEW]..."]],
  ["vm ls", ["vm ls [flags]"]],
  ["snapshot delete", ["snapshot delete [flags] VM SNAPSHOT..."]],
  ["image build", ["image build [flags] RECIPE|FILE.toml"]],
  ["image register", ["image register --rootfs PATH [flags] NAME"]],
  ["image", ["image COMMAND [flags]"]],
])("the usage of `banger %s` is what it takes", async (path, usage) => {
  const section = /\n\nUSAGE\n([\s\S]*?)\n\n/.exec(await helpOf(path))?.[1] ?? "";
  expect(section.split("\n")).toEqual(usage.map((line) => `  banger ${line}`));
});

test("a page as a whole: sections in order, long texts in their own column", async () => {
  expect(await helpOf("vm fork")).toBe(`start copies of a VM, with its processes and files as they are now

USAGE
  banger vm fork [flags] VM [NEW]...

ARGUMENTS
  VM        name of a VM
  [NEW]...  names of the forks (default: generated)

FLAGS
      --count N  number of forks (default: one, or as many as are named)
      --json     print output, events and errors as JSON
  -h, --help     show this help

EXAMPLES
  # two forks by name
  $ banger vm fork box left right
  # three forks with generated names
  $ banger vm fork box --count 3
`);
  const page = await helpOf("vm run");
  expect(page).toContain(`
  -e, --env K=V             set an environment variable; K alone takes its value
                            from here, K=V is visible to other users in \`ps\`
                            (repeatable)
`);
  expect(await helpOf("image register")).toContain("on stdin (required)\n");
  expect(await helpOf("vm ls")).toContain("\nALIASES\n  banger vm list\n");
});

test("a refused command line names the help page of its command", async () => {
  for (const words of [
    ["vm", "run", "--nmae", "x"],
    ["image", "pull"],
    ["doctor", "now"],
  ]) {
    let printed = "";
    const write = (text: string) => {
      printed += text;
    };
    const context = { process: { stdout: { write }, stderr: { write }, env: {} } };
    await run(buildApp("1.2.3", words), words, context as unknown as CliContext);
    const path = words.filter((word) => !/^--|^x$|^now$/.test(word)).join(" ");
    expect(printed).toContain(`see \`banger ${path} --help\``);
  }
});

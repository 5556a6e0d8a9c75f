/** What is proposed for a command line, before the daemon is asked. */
import { expect, test } from "bun:test";
import { buildCommand, buildRouteMap } from "@stricli/core";
import { root } from "../app.ts";
import type { CliContext } from "../context.ts";
import { propose } from "./propose.ts";

const wordsOf = (line: string) => propose(root, line.split(" ")).words.map(([word]) => word);

test("commands, flags and values come from the tree of commands", () => {
  expect(wordsOf("")).toEqual(expect.arrayContaining(["vm", "image", "doctor", "completion"]));
  expect(wordsOf("")).not.toContain("ssh-gateway");
  expect(wordsOf("vm ")).toEqual(expect.arrayContaining(["run", "list", "delete"]));
  expect(wordsOf("help vm ")).toContain("run");
  expect(wordsOf("vm run -")).toEqual(
    expect.arrayContaining(["--name", "--idle-timeout", "--tty", "--no-tty", "--help"]),
  );
  expect(wordsOf("vm run --vmm ")).toEqual(["auto", "firecracker", "qemu"]);
  expect(wordsOf("vm run --wait=")).toEqual(expect.arrayContaining(["--wait=agent"]));
  expect(wordsOf("vm run --json --vmm ")).toContain("qemu");
});

test("another name of a command is proposed only where no name begins like it", () => {
  expect(wordsOf("vm l")).not.toContain("ls");
  expect(wordsOf("vm rm")).toContain("rm");
});

test("a flag that was given is not proposed again, unless it can be repeated", () => {
  const words = wordsOf("vm run --name a --env K=V --");
  expect(words).not.toContain("--name");
  expect(words).toContain("--env");
});

test.each([
  ["vm start ", { kind: "vm", taken: [] }],
  ["vm start a ", { kind: "vm", taken: ["a"] }],
  ["vm start --json a ", { kind: "vm", taken: ["a"] }],
  ["vm rm ", { kind: "vm" }],
  ["vm run --image ", { kind: "image", before: "" }],
  ["vm run --image=", { kind: "image", before: "--image=" }],
  ["vm run --kernel ", { kind: "kernel" }],
  ["vm restore box ", { kind: "snapshot", vm: "box" }],
  ["snapshot rm box s1 ", { kind: "snapshot", vm: "box", taken: ["box", "s1"] }],
  ["template show ", { kind: "template" }],
  ["image tag ", { kind: "image" }],
  ["vm cp ", { kind: "vm", after: ":" }],
  ["vm cp ./a ", { kind: "vm", after: ":" }],
  ["vm cp -u ", undefined],
  ["vm rename ", { kind: "vm" }],
  ["vm rename a ", undefined],
  ["vm fork a ", undefined],
  ["vm exec a ", undefined],
  ["vm exec a -- ", undefined],
  ["vm exec --cwd ", undefined],
  ["vm frobnicate ", undefined],
])("`banger %s` asks the daemon for %j", (line, live) => {
  const found = propose(root, line.split(" "));
  if (live === undefined) expect([found.live, found.words]).toEqual([undefined, []]);
  else expect(found.live).toMatchObject(live);
});

test.each([
  ["vm run ", "folders"],
  ["vm cp ", "files"],
  ["image import ", "files"],
  ["vm run --env-file ", "files"],
  ["vm start ", undefined],
  ["vm exec --cwd ", undefined],
  ["vm exec a -- ", undefined],
])("`banger %s` leaves paths to the shell: %s", (line, paths) => {
  expect(propose(root, line.split(" ")).paths).toBe(paths as "files");
});

test("hidden flags and commands are not proposed, and a flag of a group of letters takes its value", () => {
  const func = async () => ({ x() {} });
  const one = buildCommand<{ a?: boolean; image?: string }, [], CliContext>({
    loader: async () => (await func()).x,
    parameters: {
      flags: {
        a: { kind: "boolean", brief: "a", optional: true, hidden: true },
        image: { kind: "parsed", parse: String, brief: "i", optional: true, placeholder: "IMAGE" },
      },
      aliases: { a: "a", i: "image" },
    },
    docs: { brief: "one" },
  });
  const tree = buildRouteMap<"one" | "two", CliContext>({
    routes: { one, two: one },
    docs: { brief: "all", hideRoute: { two: true } },
  });
  expect(propose(tree, [""]).words).toEqual([["one", "one"]]);
  expect(propose(tree, ["one", "-"]).words.map(([word]) => word)).toEqual(["--image", "--help"]);
  expect(propose(tree, ["one", "-ai", ""]).live).toMatchObject({ kind: "image" });
});

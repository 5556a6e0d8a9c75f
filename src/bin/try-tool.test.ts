import { expect, test } from "bun:test";
import { createExec } from "../host/process/exec-node.ts";
import { qemuProblem } from "../vmm/qemu/version.ts";
import { type Tool, tryTool } from "./try-tool.ts";

const exec = createExec({ PATH: "/usr/bin:/bin" });
const toolFact = async (tool: Tool) => (await tryTool(exec, tool)).fact;

test("a program that runs, one that fails, and a missing one", async () => {
  const needed = "build" as const;
  expect(await toolFact({ program: "sh", needed, asks: "-c true" })).toMatchObject({
    failure: expect.stringMatching(/^ends with status/),
  });
  expect(await toolFact({ program: "true", needed, asks: "--version" })).toMatchObject({ failure: null });
  expect(await toolFact({ program: "false", needed, asks: "x" })).toMatchObject({
    failure: "ends with status 1",
  });
  expect(await toolFact({ program: "false", needed, asks: null })).toMatchObject({ failure: null });
  expect(await toolFact({ program: "no-such-program", needed, asks: "x" })).toMatchObject({
    path: null,
    failure: null,
  });
});

test("it is run once, and judged by its output", async () => {
  let runs = 0;
  const counting: typeof exec = (argv, options) => {
    runs++;
    return exec(argv, options);
  };
  const tool: Tool = { program: "echo", needed: "always", asks: "version 1", judge: (said) => `is of ${said}` };
  expect(await tryTool(counting, tool)).toMatchObject({ fact: { failure: "is of version 1" }, said: "version 1" });
  expect(await tryTool(counting, { ...tool, program: "false" })).toMatchObject({
    fact: { failure: "ends with status 1" },
    said: null,
  });
  expect(runs).toBe(2);
});

test.each([
  ["QEMU emulator version 7.2.22 (Debian)", null],
  ["QEMU emulator version 6.2.0", "is version 6.2.0, older than 7.2"],
  ["something else", "does not report a QEMU version"],
])("%s: %s", (said, problem) => {
  expect(qemuProblem(said)).toBe(problem);
});

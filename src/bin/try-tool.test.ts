import { expect, test } from "bun:test";
import { createExec } from "../host/exec-node.ts";
import { qemuProblem, toolFact } from "./try-tool.ts";

const exec = createExec({ PATH: "/usr/bin:/bin" });

test("a program that runs, one that fails, and one that is not there", async () => {
  const needed = "build" as const;
  expect(await toolFact(exec, { program: "sh", needed, asks: "-c true" })).toMatchObject({
    failure: expect.stringMatching(/^ends with status/),
  });
  expect(await toolFact(exec, { program: "true", needed, asks: "--version" })).toMatchObject({ failure: null });
  expect(await toolFact(exec, { program: "false", needed, asks: "x" })).toMatchObject({
    failure: "ends with status 1",
  });
  expect(await toolFact(exec, { program: "false", needed, asks: null })).toMatchObject({ failure: null });
  expect(await toolFact(exec, { program: "no-such-program", needed, asks: "x" })).toMatchObject({
    path: null,
    failure: null,
  });
});

test.each([
  ["QEMU emulator version 7.2.22 (Debian)", null],
  ["QEMU emulator version 6.2.0", "is version 6.2.0, older than 7.2"],
  ["something else", "does not say which QEMU it is"],
])("%s: %s", (said, problem) => {
  expect(qemuProblem(said)).toBe(problem);
});

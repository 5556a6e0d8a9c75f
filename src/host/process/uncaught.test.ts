import { expect, test } from "bun:test";
import { memoryLogger } from "../testing/log.ts";
import { tempFolder } from "../testing/temp.ts";
import { Uncaught } from "./uncaught.ts";

test("every exception is counted and logged, whatever was thrown", () => {
  const log = memoryLogger();
  const uncaught = new Uncaught(log);
  expect(uncaught.facts).toEqual({ count: 0, last: null });
  uncaught.note(new TypeError("no\u001b[2J number"), "exception");
  uncaught.note(JSON.parse('{"toString":1,"valueOf":1}'), "rejection");
  expect(uncaught.facts).toEqual({ count: 2, last: "a value that can't be shown" });
  expect(log.lines.map((line) => JSON.parse(line))).toMatchObject([
    {
      level: "error",
      text: "uncaught exception",
      message: "TypeError: no number",
      count: 1,
    },
    { level: "error", text: "uncaught rejection", message: "a value that can't be shown", count: 2 },
  ]);
  uncaught.note(new Error("x".repeat(1e6)), "exception");
  expect(uncaught.facts.last?.length).toBeLessThan(600);
});

test("a process with the handlers continues, and prints nothing on stderr", () => {
  using folder = tempFolder();
  const program = `
    const { catchUncaught } = await import(${JSON.stringify(`${import.meta.dir}/uncaught.ts`)});
    const { createLogger } = await import(${JSON.stringify(`${import.meta.dir}/../log.ts`)});
    const uncaught = catchUncaught(createLogger(${JSON.stringify(`${folder.path}/log`)}));
    setTimeout(() => { throw new Error("one"); }, 1);
    setTimeout(() => { Promise.reject(new Error("two")); }, 2);
    setInterval(() => { if (uncaught.facts.count === 2) process.exit(7); }, 1);`;
  const done = Bun.spawnSync([process.execPath, "-e", program], { stderr: "pipe", timeout: 60_000 });
  expect([done.exitCode, done.stderr.toString()]).toEqual([7, ""]);
});

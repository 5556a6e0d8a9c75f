import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { cutLog, logLimit } from "./log-limit.ts";

test("a log at its limit stays, one byte more is cut to its end", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/log`;
  fs.writeFileSync(path, "x".repeat(logLimit));
  await cutLog(path);
  expect([fs.statSync(path).size, fs.existsSync(`${path}.old`)]).toEqual([logLimit, false]);
  fs.appendFileSync(path, "y");
  await cutLog(path);
  expect(fs.statSync(path).size).toBe(0);
  expect(fs.readFileSync(`${path}.old`, "utf8")).toMatch(/^x+y$/);
  expect(fs.statSync(`${path}.old`).size).toBeLessThan(logLimit);
});

test("a writer that appends continues at the new end", async () => {
  using folder = tempFolder();
  const path = `${folder.path}/log`;
  const writer = fs.openSync(path, "a");
  fs.writeSync(writer, "x".repeat(200));
  await cutLog(path, 100, 10);
  fs.writeSync(writer, "after");
  fs.closeSync(writer);
  expect([fs.readFileSync(path, "utf8"), fs.readFileSync(`${path}.old`, "utf8")]).toEqual(["after", "x".repeat(10)]);
});

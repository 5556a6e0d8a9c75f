import { expect, test } from "bun:test";
import * as fs from "node:fs";
import { createLogger, journalLogger, logRotateAt } from "./log.ts";
import { memoryLogger } from "./testing/log.ts";
import { tempFolder } from "./testing/temp.ts";

test("one JSON object per line, appended to a private file", () => {
  using folder = tempFolder();
  const path = `${folder.path}/log`;
  createLogger(path).info("first", { vm: "devbox" });
  createLogger(path).error("second");
  const lines = fs
    .readFileSync(path, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toMatchObject([
    { level: "info", text: "first", vm: "devbox" },
    { level: "error", text: "second" },
  ]);
  expect(new Date(lines[0].at).getTime()).toBeGreaterThan(0);
  expect(fs.statSync(path).mode & 0o777).toBe(0o600);
});

test("credentials and control characters are removed, in fields and errors too, at any depth", () => {
  const log = memoryLogger();
  const error = new Error("fetch https://u:secret@x/ failed", { cause: new Error("\u001b[31mred\u0007") });
  log.warn("clone https://u:secret@host/r?token=secret", { deep: { list: ["http://a:secret@b"] }, error });
  expect(log.lines[0]).not.toContain("secret");
  expect(JSON.parse(log.lines[0] ?? "").error).toMatchObject({
    message: "fetch https://x/ failed",
    cause: { message: "red" },
  });
});

test("it never throws, and lines are bounded, whatever is logged", () => {
  const log = memoryLogger();
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  log.debug("loop", { loop });
  log.debug("big", { big: 10n, text: "x".repeat(1_000_000) });
  expect(log.lines.map((line) => JSON.parse(line).text)).toEqual(["loop", "x".repeat(16_384)]);
});

test("a large log is rotated when it is opened", () => {
  using folder = tempFolder();
  const path = `${folder.path}/log`;
  fs.writeFileSync(path, "");
  fs.truncateSync(path, 9 * 1024 * 1024);
  createLogger(path).info("new");
  expect(fs.statSync(`${path}.old`).size).toBe(9 * 1024 * 1024);
  expect(fs.statSync(path).size).toBeLessThan(1000);
});

test("a log that grows large while it is open is rotated", () => {
  using folder = tempFolder();
  const path = `${folder.path}/log`;
  const log = createLogger(path);
  fs.truncateSync(path, 0);
  const line = { text: "x".repeat(16_000) };
  for (let bytes = 0; bytes <= logRotateAt + 32_000; bytes += 16_000) log.info("a line", line);
  expect(fs.statSync(`${path}.old`).size).toBeGreaterThan(logRotateAt);
  expect(fs.statSync(path).size).toBeLessThan(100_000);
});

test("the journal's lines have a level for systemd, and nothing that could begin another line", () => {
  const lines: string[] = [];
  const log = journalLogger((line) => lines.push(line));
  log.info("ready", { pid: 7 });
  log.warn("said\n<0>panic \u001b[31mred", { words: "a\nb", url: "https://u:secret@x/" });
  log.error("failed", { error: new Error("why") });
  const loop: Record<string, unknown> = {};
  loop["self"] = loop;
  log.debug("loop", { loop });
  expect(lines).toEqual([
    '<6>ready {"pid":7}\n',
    '<4>said <0>panic red {"words":"a\\nb","url":"https://x/"}\n',
    '<3>failed {"error":{"name":"Error","message":"why"}}\n',
    "<7>loop\n",
  ]);
});

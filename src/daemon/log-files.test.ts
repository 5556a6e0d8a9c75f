import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logFiles } from "./log-files.ts";

let folder = "";
let file = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bl-"));
  file = join(folder, "serial.log");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Follows a file; `until` resolves once the text so far ends with its argument. */
function following() {
  const abort = new AbortController();
  let text = "";
  let wake = () => {};
  const done = (async () => {
    for await (const chunk of logFiles.follow(file, abort.signal)) {
      text += new TextDecoder().decode(chunk);
      wake();
    }
  })();
  const until = async (end: string) => {
    while (!text.endsWith(end)) await new Promise<void>((resolve) => (wake = resolve));
  };
  const stop = () => {
    abort.abort();
    return done;
  };
  return { until, stop, text: () => text };
}

test("a file is read to its current end; a missing one is empty", async () => {
  const chunks: string[] = [];
  for await (const chunk of logFiles.read(file)) chunks.push(new TextDecoder().decode(chunk));
  expect(chunks).toEqual([]);
  writeFileSync(file, "one\ntwo\n");
  for await (const chunk of logFiles.read(file)) chunks.push(new TextDecoder().decode(chunk));
  expect(chunks.join("")).toBe("one\ntwo\n");
});

test("following yields what is there, what is appended, and a file that starts over", async () => {
  writeFileSync(file, "first\n");
  const it = following();
  await it.until("first\n");
  appendFileSync(file, "second\n");
  await it.until("second\n");
  writeFileSync(file, "new\n");
  await it.until("new\n");
  await it.stop();
  expect(it.text()).toBe("first\nsecond\nnew\n");
});

test("following a file that does not exist yet starts when it appears", async () => {
  const it = following();
  writeFileSync(file, "here\n");
  await it.until("here\n");
  await it.stop();
});

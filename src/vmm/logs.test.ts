import { afterAll, expect, test } from "bun:test";
import { appendFile, mkdir } from "node:fs/promises";
import { readText, sizeOf, writeAtomic } from "../host/files/files.ts";
import { beginLogs, cutIfLong, readTails } from "./logs.ts";
import { makeTempFolder } from "./testing/temp.ts";

const folder = makeTempFolder("logs");
afterAll(() => folder.remove());
const paths = async (name: string) => {
  const directory = await folder.make(name);
  return { serialLog: `${directory}/serial.log`, vmmLog: `${directory}/vmm.log` };
};

test("a short log is not changed", async () => {
  const { serialLog } = await paths("short");
  await writeAtomic(serialLog, "x".repeat(100));
  await cutIfLong(serialLog, 100);
  expect(await sizeOf(serialLog)).toBe(100);
});

test("a log that is too long is truncated and its end kept as .old; the writer continues at the start", async () => {
  const { serialLog } = await paths("long");
  await writeAtomic(serialLog, "x".repeat(101));
  await cutIfLong(serialLog, 100);
  await appendFile(serialLog, "more");
  expect(await readText(serialLog)).toBe("more");
  expect(await sizeOf(`${serialLog}.old`)).toBe(101);
});

test("a panic above a long stack is among the last lines", async () => {
  const logs = await paths("panic");
  const stack = Array.from({ length: 150 }, (_, i) => `[    1.${i}]  ? __generic_file_write_iter+0xca/0xe0\n`);
  await writeAtomic(logs.serialLog, `[ 1.0] Kernel panic - not syncing: Out of memory\n${stack.join("")}`);
  expect((await readTails(logs)).console[0]).toContain("Out of memory");
});

test("a log that can't be read counts as empty", async () => {
  const logs = await paths("unreadable");
  await mkdir(logs.serialLog);
  await writeAtomic(logs.vmmLog, "last words\n");
  expect(await readTails(logs)).toEqual({ console: [], vmmLog: ["last words"] });
});

test("each boot starts new logs", async () => {
  const logs = await paths("boots");
  await writeAtomic(logs.serialLog, "reboot: Power down\n");
  await beginLogs(logs);
  expect(await readTails(logs)).toEqual({ console: [], vmmLog: [] });
  expect(await readText(`${logs.serialLog}.old`)).toContain("Power down");
  await beginLogs(logs);
  expect(await sizeOf(logs.serialLog)).toBe(0);
});

test("folders in place of logs are replaced", async () => {
  const logs = await paths("folders");
  for (const path of [logs.serialLog, `${logs.serialLog}.old/inside`]) await mkdir(path, { recursive: true });
  await beginLogs(logs);
  expect(await sizeOf(logs.serialLog)).toBe(0);
});

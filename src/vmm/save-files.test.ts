import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  copyFileSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { changeStamp } from "../host/files/files.ts";
import { savePaths } from "../model/paths.ts";
import type { Save, SaveRecord } from "./driver.ts";
import { isUntouched, makeDurable } from "./save-files.ts";
import { makeTempFolder } from "./testing/temp.ts";

const folders = makeTempFolder("files");
afterAll(() => folders.remove());
let count = 0;

async function aSave(): Promise<Save> {
  const files = savePaths(await folders.make(String(count++)));
  writeFileSync(files.memory, "memory");
  writeFileSync(files.state, "state");
  return { files, record: { memoryStamp: await changeStamp(files.memory) } as SaveRecord };
}

const changes: [string, (path: string) => void][] = [
  [
    "a write that leaves size and times as they were",
    (path) => {
      const { atime, mtime } = statSync(path);
      writeSync(openSync(path, "r+"), "M", 0);
      utimesSync(path, atime, mtime);
    },
  ],
  ["a cut", (path) => truncateSync(path, 3)],
  [
    "a copy in its place",
    (path) => {
      copyFileSync(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
  ],
  ["its removal", (path) => renameSync(path, `${path}.gone`)],
];
test.each(changes)("%s is detected", async (_, change) => {
  const save = await aSave();
  await atAnotherTime();
  change(save.files.memory);
  expect(await isUntouched(save)).toBe(false);
});

test("reading it, syncing it and renaming its folder are not changes", async () => {
  const save = await aSave();
  await atAnotherTime();
  readFileSync(save.files.memory);
  await makeDurable(save.files);
  const folder = `${folders.path}/${count++}`;
  renameSync(save.files.memory.slice(0, save.files.memory.lastIndexOf("/")), folder);
  expect(await isUntouched({ ...save, files: savePaths(folder) })).toBe(true);
});

/** The kernel's clock for file times advances in steps of some milliseconds. */
async function atAnotherTime(): Promise<void> {
  const probe = `${folders.path}/clock`;
  writeFileSync(probe, "");
  const before = statSync(probe, { bigint: true }).ctimeNs;
  while (statSync(probe, { bigint: true }).ctimeNs === before) chmodSync(probe, 0o600);
}

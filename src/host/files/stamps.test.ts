/** What each of the two stamps of a file shows. */
import { afterAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, renameSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tempFolder } from "../testing/temp.ts";
import { changeStamp, contentStamp } from "./files.ts";

const temp = tempFolder("stamps");
afterAll(() => temp[Symbol.dispose]());
let count = 0;

/** The kernel's file timestamps have a resolution of some milliseconds. */
function atAnotherTime(): void {
  const probe = `${temp.path}/clock`;
  writeFileSync(probe, "");
  const before = statSync(probe, { bigint: true }).ctimeNs;
  while (statSync(probe, { bigint: true }).ctimeNs === before) chmodSync(probe, 0o600);
}

const changes: [string, (path: string) => void, { change: boolean; content: boolean }][] = [
  ["a write", (path) => writeFileSync(path, "other!"), { change: true, content: true }],
  ["a cut", (path) => truncateSync(path, 2), { change: true, content: true }],
  [
    "a copy in its place",
    (path) => {
      copyFileSync(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
    { change: true, content: true },
  ],
  ["another mode", (path) => chmodSync(path, 0o640), { change: true, content: false }],
];
test.each(changes)("%s", async (_, change, shows) => {
  const path = `${temp.path}/${count++}`;
  writeFileSync(path, "string");
  const before = [await changeStamp(path), await contentStamp(path)];
  atAnotherTime();
  change(path);
  expect((await changeStamp(path)) !== before[0]).toBe(shows.change);
  expect((await contentStamp(path)) !== before[1]).toBe(shows.content);
});
